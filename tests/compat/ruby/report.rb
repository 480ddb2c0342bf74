# frozen_string_literal: true

# What every program here prints: one JSON object a line for each step, {"step", "saw"} or {"step", "error"}. "saw" is what the
# library made of a reply, for the Go test to compare between a server and the proxy before it.

require 'json'

# What OpenSSL::SSL::SSLContext#set_params needs if the target speaks TLS; nil if it does not.
TLS = ENV['COMPAT_TLS_CA'] && begin
  require 'openssl'
  mine = ENV['COMPAT_TLS_CERT'] && {
    cert: OpenSSL::X509::Certificate.new(File.read(ENV['COMPAT_TLS_CERT'])), key: OpenSSL::PKey.read(File.read(ENV['COMPAT_TLS_KEY']))
  }
  { ca_file: ENV['COMPAT_TLS_CA'], **mine.to_h }
end

def report(**line)
  $stdout.puts(JSON.generate(line))
  $stdout.flush
end

def same(want, got, what)
  return if want.class == got.class && want == got

  raise "#{what} = #{got.inspect[0, 200]}; want #{want.inspect[0, 200]}"
end

# Runs the steps in their order, each with the client that connect returns. Nothing is tried after connect failed.
def run(version, steps, &connect)
  report(version: version)
  begin
    client = connect.call
  rescue StandardError => e
    report(step: 'connect', error: "#{e.class}: #{e.message}")
    exit(1)
  end
  report(step: 'connect', saw: '')
  steps.each do |step, body|
    saw = body.call(client)
    report(step: step, saw: saw.is_a?(String) ? saw : '')
  rescue StandardError => e
    report(step: step, error: "#{e.class}: #{e.message}")
  end
end
