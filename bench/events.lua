-- 500 events a request, each with an id of its own, over ACCOUNTS accounts. Counts events, and looks into every answer: each must say that all were accepted.
local accounts = tonumber(os.getenv("ACCOUNTS") or "10000")
local tag = os.getenv("TAG") or tostring(os.time())
local all = tonumber(os.getenv("IN_TURN") or "0") -- above zero: each account in turn, so that all are known
local size = 500
local head = "POST /api/v1/usage/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " .. os.getenv("API_KEY")
  .. "\r\nContent-Type: application/json\r\nContent-Length: "
local threads = {}
local number = 0
not_taken = 0

function setup(thread)
  table.insert(threads, thread)
  thread:set("id", #threads)
end

function init()
  math.randomseed(os.time() * 100 + id)
end

function request()
  number = number + 1
  local events = {}
  for i = 1, size do
    local account = all > 0 and ((number - 1) * size + i - 1) % accounts + 1 or math.random(1, accounts)
    events[i] = '{"id":"' .. number .. "-" .. i .. '","source":"' .. tag .. "-" .. id .. '","account":"bench-' .. account .. '","meter":"api_calls","quantity":3,"agent":"worker"}'
  end
  local body = '{"events":[' .. table.concat(events, ",") .. "]}"
  return head .. #body .. "\r\n\r\n" .. body
end

function response(status, headers, body)
  if status ~= 202 or not body:find('"accepted":500', 1, true) then
    not_taken = not_taken + 1
  end
end

function done(summary, latency)
  local errors, refused = summary.errors, 0
  for _, thread in ipairs(threads) do
    refused = refused + thread:get("not_taken")
  end
  io.write(string.format("RESULT taken=%d refused=%d failed=%d seconds=%.3f p50=%.2f p99=%.2f\n",
    summary.requests * size, refused, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
