-- 500 charges a request, each with a key of its own, over ACCOUNTS accounts. Counts charges, and looks into every answer: a batch is 200 whatever became of its parts.
local accounts = tonumber(os.getenv("ACCOUNTS") or "10000")
local tag = os.getenv("TAG") or tostring(os.time())
local size = 500
local head = "POST /api/v1/charges/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " .. os.getenv("API_KEY")
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
  local charges = {}
  for i = 1, size do
    charges[i] = '{"account":"bench-' .. math.random(1, accounts) .. '","action":"profile_my_data","quantity":1,"idempotency_key":"' .. tag .. "-" .. id .. "-" .. number .. "-" .. i .. '"}'
  end
  local body = '{"charges":[' .. table.concat(charges, ",") .. "]}"
  return head .. #body .. "\r\n\r\n" .. body
end

function response(status, headers, body)
  if status ~= 200 or body:find('"status":4', 1, true) or body:find('"status":5', 1, true) then
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
