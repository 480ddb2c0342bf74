# frozen_string_literal: true

# redis-rb goes through the scenarios; ../doc.go tells how.

require 'digest'
require 'redis'
require_relative 'report'

PORT = Integer(ARGV.fetch(1)) # the first argument is the protocol: this version knows RESP2
SCRIPT = "return {KEYS[1], ARGV[1], 42, false, {'nested', redis.call('GET', KEYS[1])}}"
# Another script than any other library's, since one that a server knows already is not loaded again.
COUNTS = "-- redis-rb\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])"
# Runs where its first key is, with all keys, whatever server they would have by themselves.
LOCKS = <<~LUA
  for i, key in ipairs(KEYS) do
    if redis.call('EXISTS', key) == 1 then return {i, redis.call('GET', key)} end
  end
  for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'EX', ARGV[2]) end
  return {0, #KEYS}
LUA
SCORES = [['lowest', -Float::INFINITY], ['tenth', 0.1], ['half', 1.5], ['huge', 1e21], ['highest', Float::INFINITY]].freeze

def key(name) = "redis-rb-resp2:#{name}"

def dial(**more)
  more.update(ssl: true, ssl_params: TLS) if TLS
  Redis.new(host: '127.0.0.1', port: PORT, **more)
end

# What a call is answered, be it an error.
def outcome
  yield
rescue Redis::BaseError => e
  e
end

# Raises the first error among what calls were answered.
def check(*outcomes)
  outcomes.each { |o| raise o if o.is_a?(Exception) }
end

# What is carried out in a transaction, or not at all if a server or proxy has no transactions.
TRANSACTION = %w[block raw pipeline].to_h { |how| [how, key("{transaction} #{how}")] }
queued = {} # which of them were

STEPS = {
  'ping' => ->(c) { same('PONG', c.ping, 'PING') },
  'expiry' => lambda { |c|
    same('OK', c.set(key('s'), 'value', ex: 1000), 'SET')
    same('value', c.get(key('s')), 'GET')
    same(true, c.ttl(key('s')).between?(1, 1000), 'TTL up to 1000')
  },
  'binary' => lambda { |c|
    bytes = (0..255).to_a.pack('C*')
    same('OK', c.set(key('b').b + bytes, bytes), 'SET') # a key of them too
    same(bytes, c.get(key('b').b + bytes).b, 'GET')
  },
  'large' => lambda { |c|
    value = Array.new(1 << 20) { |i| i * 7 % 251 }.pack('C*')
    same('OK', c.set(key('large'), value), 'SET')
    same(value.bytesize, c.strlen(key('large')), 'STRLEN')
    same(true, value == c.get(key('large')).b, 'GET is what was set')
  },
  'missing' => lambda { |c|
    same(nil, c.get(key('missing')), 'GET')
    same(nil, c.hget(key('missing'), 'f'), 'HGET')
    same({}, c.hgetall(key('missing')), 'HGETALL')
  },
  'counter' => ->(c) { same([1, 2, 3], Array.new(3) { c.incr(key('n')) }, 'INCR') },
  'hash' => lambda { |c|
    same(3, c.hset(key('h'), { 'f' => 'v', 'g' => '', '2' => 'w' }), 'HSET')
    same({ 'f' => 'v', 'g' => '', '2' => 'w' }, c.hgetall(key('h')), 'HGETALL')
    same('v', c.hget(key('h'), 'f'), 'HGET')
  },
  'set' => lambda { |c|
    same(3, c.sadd(key('set'), %w[a b c]), 'SADD')
    same(%w[a b c], c.smembers(key('set')).sort, 'SMEMBERS')
  },
  'sorted set' => lambda { |c|
    same(SCORES.size, c.zadd(key('z'), SCORES.map(&:reverse)), 'ZADD')
    same(SCORES, c.zrange(key('z'), 0, -1, with_scores: true), 'ZRANGE')
    SCORES.each { |member, score| same(score, c.zscore(key('z'), member), 'ZSCORE') }
    same(nil, c.zscore(key('z'), 'missing'), 'ZSCORE')
    same(2.5, c.zincrby(key('z'), 1, 'half'), 'ZINCRBY')
  },
  'multi-key' => lambda { |c|
    keys = Array.new(50) { |i| key("m#{i}") }
    values = Array.new(50) { |i| i % 5 == 3 ? nil : "v#{i}" }
    same('OK', c.mapped_mset(keys.zip(values).to_h.compact), 'MSET')
    same(values, c.mget(*keys), 'MGET')
    same(40, c.del(*keys), 'DEL')
    same(0, c.del(*keys), 'DEL')
  },
  'pipeline' => lambda { |c|
    expected = []
    replies = c.pipelined do |p|
      100.times do |i|
        v = "v#{i}"
        p.set(key("p#{i}"), v)
        p.get(key("p#{i}"))
        p.incr(key('pn'))
        p.hset(key("ph#{i}"), 'f', v)
        p.hgetall(key("ph#{i}"))
        p.get(key("missing#{i}"))
        p.zadd(key("pz#{i}"), [[i / 4.0, 'm']])
        p.zscore(key("pz#{i}"), 'm')
        p.zrange(key("pz#{i}"), 0, -1, with_scores: true)
        p.mget(key("p#{i}"), key("missing#{i}"), key("p#{i}"))
        expected.push('OK', v, i + 1, 1, { 'f' => v }, nil, 1, i / 4.0, [['m', i / 4.0]], [v, nil, v])
      end
    end
    same(expected.size, replies.size, 'number of replies')
    expected.zip(replies).each_with_index { |(want, got), i| same(want, got, "reply #{i}") }
  },
  'large pipeline' => lambda { |c| # written whole before the first reply is read: 20 MB each way
    v = 'x' * 100_000
    replies = c.pipelined do |p|
      200.times do |i|
        p.set(key("lp#{i}"), v)
        p.get(key("lp#{i}"))
      end
    end
    same(true, ['OK', v] * 200 == replies, 'replies are what they should be')
  },
  'wrong type' => lambda { |c|
    e = outcome { c.hget(key('s'), 'f') }
    same(true, e.is_a?(Redis::CommandError) && e.message.start_with?('WRONGTYPE'), "WRONGTYPE in #{e.inspect}")
    e.inspect
  },
  'wrong type in a pipeline' => lambda { |c|
    e = outcome do
      c.pipelined do |p|
        p.set(key('wp'), 'before')
        p.hget(key('s'), 'f')
        p.append(key('wp'), ' and after')
      end
    end
    same('before and after', c.get(key('wp')), 'GET')
    e.inspect
  },
  'script' => lambda { |c|
    got = c.eval(SCRIPT, [key('s')], ['arg'])
    same([key('s'), 'arg', 42, nil, %w[nested value]], got, 'EVAL')
  },
  'script of several keys' => lambda { |c|
    keys = Array.new(8) { |i| key("lock#{i}") } # of different servers, if there are several
    same([0, 8], c.eval(LOCKS, keys, ['mine', 1000]), 'EVAL')
    same('mine', c.get(keys[0]), 'GET of the first key')
    # The first key takes it to where the others are.
    same([1, 'mine'], c.eval(LOCKS, keys, ['yours', 1000]), 'EVAL')
    same(1, c.del(keys[0]), 'DEL')
    same([2, 'mine'], c.eval(LOCKS, keys, ['yours', 1000]), 'EVAL')
    same([2, 'mine'], c.evalsha(Digest::SHA1.hexdigest(LOCKS), keys, ['yours', 1000]), 'EVALSHA')
  },
  'stored script' => lambda { |c|
    [[2, 2], [40, 42]].each do |arg, n|
      got = begin
        c.evalsha(Digest::SHA1.hexdigest(COUNTS), [key('sn')], [arg])
      rescue Redis::CommandError => e
        same('NOSCRIPT', e.message[/\w+/], 'error of EVALSHA')
        c.eval(COUNTS, [key('sn')], [arg])
      end
      same(n, got, 'stored script')
    end
  },
  'loaded script' => lambda { |c|
    sha = c.script(:load, "#{COUNTS} -- loaded")
    same(1, c.evalsha(sha, [key('ln')], [1]), 'EVALSHA')
  },
  'errors' => lambda { |c|
    seen = [
      ['INCR', key('s')], ['GET', key('h')], ['EVALSHA', '0' * 40, 1, key('s')],
      ['EVAL', "return redis.error_reply('MINE of a script')", 1, key('s')], ['GET', key('s'), 'too', 'many']
    ].map { |words| outcome { c.call(*words) }.inspect }
    same('value', c.get(key('s')), 'GET')
    seen.join("\n")
  },
  'unknown command' => lambda { |c|
    seen = outcome { c.call('NOSUCH', key('s')) }.inspect
    same('value', c.get(key('s')), 'GET')
    seen
  },
  'MULTI' => lambda { |c|
    got = c.multi do |t|
      t.set(key('{t}'), 'v')
      t.incr(key('{t}n'))
      t.get(key('{t}'))
    end
    same(['OK', 1, 'v'], got, 'EXEC')
  },
  'MULTI over any keys' => lambda { |c| # of different servers, if there are several
    same(['OK'] * 8, c.multi { |t| 8.times { |i| t.set(key("t#{i}"), 'v') } }, 'EXEC')
  },
  'WATCH conflict' => lambda { |c|
    other = dial
    c.set(key('{w}'), 'before')
    [true, false].each do |theirs|
      got = c.watch(key('{w}')) do
        other.set(key('{w}'), 'theirs') if theirs
        c.multi { |t| t.set(key('{w}'), 'mine') }
      end
      same(theirs ? nil : ['OK'], got, 'EXEC')
      same(theirs ? 'theirs' : 'mine', c.get(key('{w}')), 'GET')
    end
    other.close
  },
  'blocking pop' => lambda { |c|
    same(nil, c.blpop(key('list'), timeout: 0.1), 'BLPOP')
    other = dial
    waiter = Thread.new { other.blpop(key('list'), timeout: 5) }
    c.rpush(key('list'), 'v')
    same([key('list'), 'v'], waiter.value, 'BLPOP')
    other.close
  },
  'pub/sub' => lambda { |c|
    listener = dial
    seen = []
    listener.subscribe(key('channel')) do |on|
      on.subscribe { %W[hello \x00\xff end].each { |payload| c.publish(key('channel'), payload) } }
      on.message { |_, payload| payload == 'end' ? listener.unsubscribe : seen << payload }
    end
    listener.psubscribe(key('ch*')) do |on|
      on.psubscribe { %w[hello end].each { |payload| c.publish(key('channel'), payload) } }
      on.pmessage { |pattern, _, payload| payload == 'end' ? listener.punsubscribe : seen << "#{pattern} #{payload}" }
    end
    listener.close
    same(['hello', "\x00\xff", "#{key('ch*')} hello"], seen, 'messages')
  },
  'SCAN' => lambda { |c|
    keys = Array.new(200) { |i| key("scan#{i}") }
    c.pipelined { |p| keys.each { |k| p.set(k, 'v') } }
    same(keys.sort, c.scan_each(match: key('scan*'), count: 50).to_a.uniq.sort, 'SCAN') # it may name a key twice
  },
  'SCAN of a key' => ->(c) { same(%w[2 f g], c.hscan_each(key('h')).map(&:first).sort, 'HSCAN') },
  'streams with groups' => lambda { |c|
    k = key('stream')
    same('OK', c.xgroup(:create, k, 'g', '0', mkstream: true), 'XGROUP CREATE')
    (1..5).each { |i| same("#{i}-1", c.xadd(k, { 'f' => "v#{i}" }, id: "#{i}-1"), 'XADD') }
    seen = %w[one two].map { |consumer| c.xreadgroup('g', consumer, k, '>', count: 3, block: 50) }
    same(2, c.xack(k, 'g', '1-1', '2-1'), 'XACK')
    seen << c.xpending(k, 'g') << c.xreadgroup('g', 'one', k, '>', count: 3, block: 50) # nothing is left
    seen.map(&:inspect).join("\n")
  },
  'WAIT' => ->(c) { same(0, c.call('WAIT', 0, 10), 'WAIT') },
  'SELECT' => lambda { |c|
    other = dial(db: 1)
    other.set(key('sdb'), 'one')
    same('one', other.get(key('sdb')), 'GET')
    other.close
    same(nil, c.get(key('sdb')), 'GET of what is in another database')
  },
  'reconnect after CLIENT KILL' => lambda { |c|
    victim = dial
    id = victim.call('CLIENT', 'ID')
    same(1, c.call('CLIENT', 'KILL', 'ID', id), 'CLIENT KILL')
    # The library may show that once; then it has another connection.
    got = nil
    500.times do
      got = outcome { victim.get(key('s')) }
      break unless got.is_a?(Exception)

      sleep(0.01)
    end
    same('value', got, 'GET')
    same(false, victim.call('CLIENT', 'ID') == id, 'the same connection')
    victim.close
  },
  'transaction' => lambda { |c|
    got = c.multi do |t|
      t.set(TRANSACTION['block'], 'v')
      t.incr(key('{transaction} n'))
    end
    same(['OK', 1], got, 'EXEC')
    queued['block'] = true
  },
  'raw transaction' => lambda { |c| # each command has its reply before the next is sent
    commands = [%w[MULTI], ['SET', TRANSACTION['raw'], 'v'], ['INCR', key('{transaction} n')], %w[EXEC]]
    check(*commands.map { |words| outcome { c.call(*words) } })
    queued['raw'] = true
  },
  'transaction in a pipeline' => lambda { |c|
    c.pipelined do |p|
      p.set(key('tp'), 'before')
      p.multi { |t| t.set(TRANSACTION['pipeline'], 'v') }
      p.append(key('tp'), ' and after')
    end
    queued['pipeline'] = true
  },
  'transactions were all or nothing' => lambda { |c|
    TRANSACTION.each { |how, k| same(queued[how] ? 'v' : nil, c.get(k), "GET of #{k}") }
    same(queued.empty? ? nil : '2', c.get(key('{transaction} n')), 'GET of a counter')
    same('before and after', c.get(key('tp')), 'GET of what was around one')
  },
  'watch' => lambda { |c|
    same('OK', c.watch(key('s')), 'WATCH')
    same('OK', c.unwatch, 'UNWATCH')
  },
  'database' => lambda { |_| # a client that was refused its database, and goes on
    other = dial(db: 1)
    answers = Array.new(3) { |i| outcome { other.set(key("db#{i}"), 'v') } }
    other.close
    check(*answers)
  },
  'another database' => lambda { |_|
    other = dial
    answers = [outcome { other.set(key('db'), 'zero') }, outcome { other.select(1) }]
    answers += Array.new(3) { |i| outcome { other.set(key("select#{i}"), 'v') } }
    answers << outcome { other.select(0) } << outcome { other.append(key('db'), ' again') }
    other.close
    check(*answers)
  },
  'nothing of it in database 0' => lambda { |c|
    3.times do |i|
      same(nil, c.get(key("db#{i}")), 'GET of what is in database 1')
      same(nil, c.get(key("select#{i}")), 'GET of what is in database 1')
    end
    same('zero again', c.get(key('db')), 'GET of what is in database 0')
  },
  'generic' => lambda { |c|
    # What comes back without the library's method for it depends on the types on the wire alone.
    same(1, c.sadd(key('one'), %w[a]), 'SADD')
    [
      ['GET', key('s')], ['GET', key('missing')], ['HGETALL', key('h')], ['SMEMBERS', key('one')],
      ['SISMEMBER', key('one'), 'a'], ['ZRANGE', key('z'), '0', '-1', 'WITHSCORES'], ['ZSCORE', key('z'), 'half'],
      ['ZSCORE', key('z'), 'highest'], ['MGET', key('s'), key('missing')], ['EVAL', SCRIPT, '1', key('s'), 'arg']
    ].map { |words| "#{words[0]} #{c.call(*words).inspect}" }.join("\n")
  },
  'name' => lambda { |_|
    named = dial(id: 'compat')
    same('compat', named.client(:getname), 'CLIENT GETNAME')
    named.close
  },
  'client info' => ->(c) { same(true, c.client(:list)[0].key?('id'), 'id in CLIENT LIST') },
  'server info' => ->(c) { same(true, c.info.key?('redis_version'), 'redis_version in INFO') },
  'concurrent' => lambda { |c|
    Array.new(4) do
      Thread.new do
        mine = dial
        25.times { mine.incr(key('shared')) }
        mine.close
      end
    end.each(&:join)
    same('100', c.get(key('shared')), 'GET')
  },
  'quit' => ->(c) { same('OK', c.quit, 'QUIT') }
}.freeze

run(Redis::VERSION, STEPS) do
  client = dial
  client.ping # it connects when it has something to send
  client
end
