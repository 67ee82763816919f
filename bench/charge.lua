-- One charge a request, each with a key of its own. ACCOUNTS: how many accounts they spread over (1: all on one).
-- PER_SECOND, where set: each of the connections waits at random so that all together send about that many a second.
local accounts = tonumber(os.getenv("ACCOUNTS") or "10000")
local tag = os.getenv("TAG") or tostring(os.time())
local action = os.getenv("ACTION") or "profile_my_data"
local pace = tonumber(os.getenv("PER_SECOND") or "0")
local connections = tonumber(os.getenv("CONNECTIONS") or "256")
local path = os.getenv("TARGET") or "/api/v1/charges"
local head = "POST " .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " .. os.getenv("API_KEY")
  .. "\r\nContent-Type: application/json\r\nIdempotency-Key: " .. tag .. "-"
local threads = 0
local number = 0

function setup(thread)
  threads = threads + 1
  thread:set("id", threads)
end

function init()
  math.randomseed(os.time() * 100 + id)
end

function request()
  number = number + 1
  local body = '{"account":"bench-' .. math.random(1, accounts) .. '","action":"' .. action .. '","quantity":1}'
  return head .. id .. "-" .. number .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

if pace > 0 then
  function delay()
    return -math.log(1 - math.random()) * connections / pace * 1000
  end
end

dofile(os.getenv("BENCH") .. "/report.lua")
