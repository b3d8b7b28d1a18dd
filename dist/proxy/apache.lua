-- Asks Counterfoil about each request, for Apache httpd 2.4 with mod_lua and Debian's package lua-socket.

local http = require "socket.http"
local ltn12 = require "ltn12"

-- Where Counterfoil listens.
local COUNTERFOIL = "http://127.0.0.1:3000/v1/verify/apache"

-- How long it may take, in seconds.
http.TIMEOUT = 5

-- What is not passed on: it is about the connection or the body, or it describes the request and is set below. The id of a request
-- is not chosen by clients.
local NOT_PASSED_ON = {
    ["connection"] = true, ["content-length"] = true, ["expect"] = true, ["forwarded"] = true, ["host"] = true,
    ["keep-alive"] = true, ["proxy-connection"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true,
    ["upgrade"] = true, ["x-request-id"] = true,
}

-- The headers of a refusal that the client gets.
local PASSED_BACK = { "Location", "WWW-Authenticate", "Retry-After" }

-- ServerName in the configuration, by `UseCanonicalName On`.
local function host(r)
    return r.port == 443 and r.server_name or r.server_name .. ":" .. r.port
end

local function request_headers(r)
    local headers, forged = {}, {}
    for name, value in pairs(r:headers_in_table()) do
        local lower = name:lower()
        if lower:find("^remote[^%w]") then
            -- Also Remote_User and Remote.User, which many applications read as the same name.
            forged[#forged + 1] = name
        elseif not NOT_PASSED_ON[lower] and not lower:find("^x%-forwarded%-") then
            headers[name] = value
        end
    end
    for _, name in ipairs(forged) do
        r.headers_in[name] = nil
    end
    headers["X-Forwarded-Method"] = r.method
    headers["X-Forwarded-Proto"] = r.is_https and "https" or "http"
    headers["X-Forwarded-Host"] = host(r)
    headers["X-Forwarded-Uri"] = r.unparsed_uri
    headers["X-Forwarded-For"] = r.useragent_ip
    return headers
end

local function ask(r, requirements)
    local _, status, answer = http.request({
        url = COUNTERFOIL .. "/" .. requirements,
        headers = request_headers(r),
        redirect = false,
        sink = ltn12.sink.null(),
    })
    r.err_headers_out["Cache-Control"] = "no-store"
    if type(status) ~= "number" or status < 200 or status >= 500 then
        r.err_headers_out["Retry-After"] = type(answer) == "table" and answer["retry-after"] or "2"
        return 503
    end
    if status ~= 200 then
        for _, name in ipairs(PASSED_BACK) do
            if answer[name:lower()] then
                r.err_headers_out[name] = answer[name:lower()]
            end
        end
        return status
    end
    r.err_headers_out["Cache-Control"] = nil
    for name, value in pairs(answer) do
        if name:find("^remote%-") then
            r.headers_in[name] = value
        end
    end
    return apache2.OK
end

-- A request with an error here does not pass.
local function guard(r, requirements)
    local is_done, status = pcall(ask, r, requirements)
    return is_done and status or 503
end

-- A login is required.
function check(r)
    return guard(r, "-")
end

-- A login with the role `admin` is required.
function check_admin(r)
    return guard(r, "role=admin")
end
