using System.Text.Json;
using System.Text.Json.Serialization;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>How a receipt stands in its charge's row.</summary>
public static partial class StoredReceipt
{
    public static Receipt Read(Charge charge) => JsonSerializer.Deserialize(charge.ReceiptJson, Format.Default.Receipt)!;

    internal static string Write(Receipt receipt) => JsonSerializer.Serialize(receipt, Format.Default.Receipt);

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        Converters = [typeof(GrantIdConverter)])]
    [JsonSerializable(typeof(Receipt))]
    private sealed partial class Format : JsonSerializerContext;
}

/// <summary>As people see it: <c>grant_…</c>.</summary>
internal sealed class GrantIdConverter : JsonConverter<GrantId>
{
    public override GrantId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        GrantId.TryParse(reader.GetString(), out var id) ? id : throw new JsonException("Not a grant's id.");

    public override void Write(Utf8JsonWriter writer, GrantId value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
