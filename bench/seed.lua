-- Grants credits to bench-1 … bench-N, beginning after FROM, again and again: each grant has a key of its own, so repeats give nothing.
local accounts = tonumber(os.getenv("ACCOUNTS"))
local key = os.getenv("API_KEY")
local number = tonumber(os.getenv("FROM") or "0")

function request()
  number = number % accounts + 1
  local body = '{"account":"bench-' .. number .. '","unit":"credit","amount":900000000,"reason":"bench"}'
  return "POST /api/v1/admin/grants HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " .. key
    .. "\r\nContent-Type: application/json\r\nIdempotency-Key: seed-" .. number .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end
