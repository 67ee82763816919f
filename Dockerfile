# syntax=docker/dockerfile:1
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /src
# What decides the packages comes first, so that a change of code does not restore them again.
COPY .editorconfig global.json Directory.Build.props Directory.Packages.props ./
COPY BillingPortal/BillingPortal.csproj BillingPortal/BlazorScript.targets BillingPortal/
RUN dotnet restore BillingPortal
COPY catalogs catalogs
COPY BillingPortal BillingPortal
RUN dotnet publish BillingPortal --no-restore -c Release -o /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
# The font of receipts and statements; fonts-noto-core beside it covers most other scripts.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-dejavu-core && rm -rf /var/lib/apt/lists/*
COPY --from=build /app .
# The keys, passwords and connection strings come as files in /run/secrets or as environment variables; none is in the image.
ENV ASPNETCORE_HTTP_PORTS=8080
EXPOSE 8080
# The user without privileges that the base image brings.
USER $APP_UID
# Live, not ready: a database that is away for a while is no reason to restart the process.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/live HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["dotnet", "BillingPortal.dll"]
CMD ["serve"]
