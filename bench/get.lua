-- An endpoint that does nothing but answer: what the web server itself can do.
local request_text = "GET " .. os.getenv("TARGET") .. " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

function request()
  return request_text
end

dofile(os.getenv("BENCH") .. "/report.lua")
