-- Asks for one order again and again, and ends with what it measured, one line that the program reads.

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\nload: {"answers":%d,"micros":%d,"p50":%.0f,"p99":%.0f,"status":%d,"connect":%d,"read":%d,"write":%d,'
            .. '"timeout":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
        errors.connect, errors.read, errors.write, errors.timeout
    ))
end
