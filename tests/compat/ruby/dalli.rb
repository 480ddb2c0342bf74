# frozen_string_literal: true

# dalli goes through the scenarios; ../doc.go tells how. This version speaks the binary protocol alone.

require 'dalli'
require_relative 'report'

PORT = ARGV.fetch(1)

def key(name) = "dalli-binary:#{name}"

def dial(**more) = Dalli::Client.new("127.0.0.1:#{PORT}", more)

# What a call is answered, be it an error.
def outcome
  yield.inspect
rescue Dalli::DalliError => e
  "#{e.class}: #{e.message.sub(PORT, 'PORT')}"
end

STEPS = {
  'basic' => lambda { |c|
    c.set(key('s'), 'value')
    same('value', c.get(key('s')), 'get')
    same(nil, c.get(key('missing')), 'get')
    same(true, c.delete(key('s')), 'delete')
    outcome { c.delete(key('s')) }
  },
  'types' => lambda { |c|
    ['', 0, 1.5, nil, { 'a' => [1, :b] }, (0..255).to_a.pack('C*')].each_with_index do |v, i|
      c.set(key("t#{i}"), v)
      same(v, c.get(key("t#{i}")), 'get')
    end
  },
  'large' => lambda { |c|
    value = Random.new(1).bytes(1_000_000)
    c.set(key('large'), value)
    same(true, value == c.get(key('large')), 'what was set is there')
  },
  'too large' => ->(c) { outcome { c.set(key('huge'), Random.new(1).bytes(2 << 20)) } },
  'add, replace' => lambda { |c|
    seen = [outcome { c.replace(key('a'), 1) }]
    same(true, c.add(key('a'), 2) != false, 'add')
    seen << outcome { c.add(key('a'), 3) }
    c.replace(key('a'), 4)
    same(4, c.get(key('a')), 'get')
    seen.join("\n")
  },
  'append, prepend' => lambda { |c|
    seen = outcome { c.append(key('ap'), 'x') }
    c.set(key('ap'), 'b', 0, raw: true)
    c.append(key('ap'), 'c')
    c.prepend(key('ap'), 'a')
    same('abc', c.get(key('ap'), raw: true), 'get')
    seen
  },
  'counter' => lambda { |c|
    same(5, c.incr(key('n'), 1, 0, 5), 'incr')
    same(6, c.incr(key('n')), 'incr')
    [outcome { c.decr(key('n'), 100) }, outcome { c.incr(key('missing')) }].join("\n")
  },
  'touch' => ->(c) { [outcome { c.touch(key('n'), 1000) }, outcome { c.touch(key('missing'), 1000) }].join("\n") },
  'many' => lambda { |c|
    keys = Array.new(50) { |i| key("m#{i}") }
    c.multi { keys.each { |k| c.set(k, k) } } # without a wait for replies
    same(keys.to_h { |k| [k, k] }, c.get_multi(*keys, key('missing')).sort_by { |k, _| keys.index(k) }.to_h, 'get_multi')
  },
  'cas' => lambda { |c|
    c.set(key('cas'), 'v')
    c.cas(key('cas')) { |v| "#{v}w" }
    same('vw', c.get(key('cas')), 'get')
    outcome { c.cas(key('cas')) { |v| c.set(key('cas'), 'theirs') && v } }[0, 5]
  },
  'quit' => ->(c) { c.close }
}.freeze

run(Dalli::VERSION, STEPS) do
  client = dial
  client.set(key('connect'), 1) # it connects when it has something to send
  client
end
