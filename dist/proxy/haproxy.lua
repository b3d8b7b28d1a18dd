-- Asks Counterfoil about each request, for HAProxy 2.6 or later. No other module is needed.

-- How long Counterfoil may take, in milliseconds.
local TIMEOUT = 5000

-- What is not passed on: it is about the connection or the body, or it describes the request and is set below.
local NOT_PASSED_ON = {
    ["connection"] = true, ["content-length"] = true, ["expect"] = true, ["forwarded"] = true, ["host"] = true,
    ["keep-alive"] = true, ["proxy-connection"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true,
    ["upgrade"] = true,
}

-- The headers of a refusal that the client gets.
local PASSED_BACK = { "content-type", "location", "www-authenticate", "retry-after" }

local function request_headers(txn)
    local headers = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not NOT_PASSED_ON[name] and not name:find("^x%-forwarded%-") and not name:find("^remote[^%w]") then
            headers[name] = {}
            for index = 0, #values do
                headers[name][#headers[name] + 1] = values[index]
            end
        end
    end
    headers["x-forwarded-method"] = { txn.f:method() }
    headers["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
    headers["x-forwarded-host"] = { txn.f:req_hdr("host") or "" }
    headers["x-forwarded-uri"] = { txn.f:pathq() }
    headers["x-forwarded-for"] = { txn.f:src() }
    return headers
end

local function refuse(txn, status, headers, body)
    local reply = txn:reply({ status = status, body = body or "" })
    reply:add_header("cache-control", "no-store")
    for _, name in ipairs(PASSED_BACK) do
        if headers[name] then
            reply:add_header(name, headers[name][0])
        end
    end
    txn:done(reply)
end

core.register_action("counterfoil", { "http-req" }, function(txn, url)
    local answer = core.httpclient():get({ url = url, headers = request_headers(txn), timeout = TIMEOUT })
    if not answer or not answer.status or answer.status < 200 or answer.status >= 500 then
        local retry_after = answer and answer.headers and answer.headers["retry-after"] or { [0] = "2" }
        refuse(txn, 503, { ["retry-after"] = retry_after })
    elseif answer.status ~= 200 then
        refuse(txn, answer.status, answer.headers, answer.body)
    else
        for name, values in pairs(answer.headers) do
            if name:find("^remote%-") then
                txn.http:req_set_header(name, values[0])
            end
        end
    end
end, 1)
