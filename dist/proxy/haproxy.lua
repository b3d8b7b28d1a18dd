-- Asks Counterfoil about each request, for HAProxy 2.6 or later. No other module is needed.

-- How long Counterfoil may take, in milliseconds.
local TIMEOUT = 5000

-- The headers that Counterfoil reads, besides those that describe the request and are set below.
local PASSED_ON = {
    ["accept"] = true, ["authorization"] = true, ["cookie"] = true, ["origin"] = true, ["user-agent"] = true,
    ["sec-fetch-dest"] = true, ["sec-fetch-mode"] = true, ["sec-fetch-site"] = true, ["sec-fetch-user"] = true,
    ["sec-websocket-key"] = true, ["sec-websocket-version"] = true,
}

-- How many lines of them are passed on. HAProxy crashes if it is to send more than about a hundred (seen with 2.6).
local MOST_LINES = 50

-- The headers of a refusal that the client gets.
local PASSED_BACK = { "content-type", "location", "www-authenticate", "retry-after" }

local function request_headers(txn)
    local headers, lines = {}, 0
    for name, values in pairs(txn.http:req_get_headers()) do
        if PASSED_ON[name] then
            headers[name] = {}
            for index = 0, #values do
                headers[name][#headers[name] + 1] = values[index]
                lines = lines + 1
            end
        end
    end
    if lines > MOST_LINES then
        return nil
    end
    headers["x-forwarded-method"] = { txn.f:method() }
    headers["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
    headers["x-forwarded-host"] = { txn:get_var("txn.counterfoil_host") or "" }
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
    local headers = request_headers(txn)
    if not headers then
        return refuse(txn, 431, {})
    end
    local answer = core.httpclient():get({ url = url, headers = headers, timeout = TIMEOUT })
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
        -- HAProxy continues after an error in Lua, so only a request with this mark passes.
        txn:set_var("txn.counterfoil_passed", true)
    end
end, 1)
