<?php
// The scenario that PHP's libraries go through; ../doc.go tells how.
declare(strict_types=1);

require __DIR__ . '/report.php';

const SCRIPT = "return {KEYS[1], ARGV[1], 42, false, {'nested', redis.call('GET', KEYS[1])}}";

/** What differs from one library to the other. */
abstract class Library
{
    abstract public function name(): string;
    abstract public function version(): string;
    abstract public function connect(int $port, int $db = 0): object;
    abstract public function setName(object $c, string $name): void;
    abstract public function getName(object $c): ?string;
    /** Checks what the library has to ask about clients. */
    abstract public function clientInfo(object $c): void;
    /** Checks what the library has to ask about the server. */
    abstract public function serverInfo(object $c): void;
    abstract public function quit(object $c): void;
    /** The reply to a command that the library does not know. */
    abstract public function raw(object $c, string ...$words): mixed;
    /** Runs a script by its digest, and by its text where the server does not know it. */
    abstract public function stored(object $c, string $script, string $key, string $arg): mixed;
    /** @return list<mixed> the replies to the operations, in the form of op() */
    abstract public function pipeline(object $c, array $operations): array;
    /** Calls what the library offers for a command. On a pipeline it returns nothing of use. */
    abstract public function call(object $c, string $op, array $args): mixed;
    /** Turns the natural reply into the form that the scenario checks: null for what is missing, [member, score] pairs ... */
    abstract public function read(string $op, mixed $reply): mixed;
    /** @return list<mixed>|null the replies to the operations, as above, or null if a watched key was changed */
    abstract public function transaction(object $c, array $operations): ?array;
    abstract public function watch(object $c, string $key): void;
    /** Subscribes to a channel and a pattern, calls $ready, and collects messages until one says end. @return list<string> */
    abstract public function subscribe(object $c, string $channel, string $pattern, callable $ready): array;
    /** @return list<string> the keys that a pattern has */
    abstract public function scan(object $c, string $pattern): array;
    /** @return list<string> the fields of a hash */
    abstract public function scanKey(object $c, string $key): array;
    /** XREADGROUP by a member of group g: [id => [field => value]], or an empty array. */
    abstract public function readGroup(object $c, string $consumer, string $key): array;
    /** The error that a command ends with, as the library shows it; raw() of $words. */
    abstract public function error(object $c, string ...$words): string;
    /** The error that HGET of a string ends with, as the library shows it. */
    abstract public function wrongType(object $c, string $key): string;

    public function op(object $c, string $op, mixed ...$args): mixed
    {
        return $this->read($op, $this->call($c, $op, $args));
    }
}

function scores(): array
{
    return [['lowest', -INF], ['tenth', 0.1], ['half', 1.5], ['huge', 1e21], ['highest', INF]];
}

/** @return array<string, callable(): ?string> */
function steps(Library $lib, int $port): array
{
    $key = fn (string $name): string => $lib->name() . '-resp2:' . $name;
    $c = null;
    $want = function (mixed $want, string $op, mixed ...$args) use ($lib, &$c): void {
        same($want, $lib->op($c, $op, ...$args), $op . ' ' . substr(show($args[0] ?? null), 0, 40));
    };
    return [
        'connect' => function () use ($lib, $port, &$c): void {
            $c = $lib->connect($port);
        },
        'ping' => fn () => $want('PONG', 'ping'),
        'expiry' => function () use ($want, $key, $lib, &$c): void {
            $want('OK', 'setex', $key('s'), 1000, 'value');
            $want('value', 'get', $key('s'));
            $ttl = $lib->op($c, 'ttl', $key('s'));
            same(true, is_int($ttl) && $ttl > 0 && $ttl <= 1000, "TTL $ttl up to 1000");
        },
        'binary' => function () use ($want, $key): void {
            $bytes = implode('', array_map('chr', range(0, 255)));
            $want('OK', 'set', $key('b') . $bytes, $bytes); // a key of them too
            $want($bytes, 'get', $key('b') . $bytes);
        },
        'large' => function () use ($want, $key): void {
            $bytes = substr(str_repeat(implode('', array_map('chr', range(0, 250))), 5000), 0, 1 << 20);
            $want('OK', 'set', $key('large'), $bytes);
            $want(strlen($bytes), 'strlen', $key('large'));
            $want($bytes, 'get', $key('large'));
        },
        'missing' => function () use ($want, $key): void {
            $want(null, 'get', $key('missing'));
            $want(null, 'hget', $key('missing'), 'f');
            $want([], 'hgetall', $key('missing'));
        },
        'counter' => function () use ($want, $key): void {
            foreach ([1, 2, 3] as $n) {
                $want($n, 'incr', $key('n'));
            }
        },
        'hash' => function () use ($want, $key): void {
            $want('OK', 'hmset', $key('h'), ['f' => 'v', 'g' => '', '2' => 'w']);
            $want(['f' => 'v', 'g' => '', '2' => 'w'], 'hgetall', $key('h'));
            $want('v', 'hget', $key('h'), 'f');
        },
        'set' => function () use ($want, $key, $lib, &$c): void {
            $want(3, 'sadd', $key('set'), 'a', 'b', 'c');
            $members = $lib->op($c, 'smembers', $key('set'));
            sort($members);
            same(['a', 'b', 'c'], $members, 'SMEMBERS');
        },
        'sorted set' => function () use ($want, $key): void {
            $want(count(scores()), 'zadd', $key('z'), scores());
            $want(scores(), 'zrange', $key('z'));
            foreach (scores() as [$member, $score]) {
                $want($score, 'zscore', $key('z'), $member);
            }
            $want(null, 'zscore', $key('z'), 'missing');
            $want(2.5, 'zincrby', $key('z'), 1, 'half');
        },
        'multi-key' => function () use ($want, $key): void {
            $keys = array_map(fn (int $i): string => $key("m$i"), range(0, 49));
            $values = array_map(fn (int $i): ?string => $i % 5 === 3 ? null : "v$i", range(0, 49));
            $want('OK', 'mset', array_filter(array_combine($keys, $values), 'is_string'));
            $want($values, 'mget', $keys);
            $want(40, 'del', $keys);
            $want(0, 'del', $keys);
        },
        'large pipeline' => function () use ($key, $lib, &$c): void { // written whole before the first reply is read
            $v = str_repeat('x', 100_000);
            $operations = [];
            for ($i = 0; $i < 200; $i++) {
                array_push($operations, ['set', $key("lp$i"), $v], ['get', $key("lp$i")]);
            }
            $replies = $lib->pipeline($c, $operations);
            same(400, count($replies), 'number of replies');
            foreach ($replies as $i => $reply) {
                same($i % 2 == 0 ? 'OK' : $v, $reply, "reply $i");
            }
        },
        'pipeline' => function () use ($key, $lib, &$c): void {
            $operations = [];
            $expected = [];
            for ($i = 0; $i < 100; $i++) {
                foreach ([
                    ['OK', 'set', $key("p$i"), "v$i"],
                    ["v$i", 'get', $key("p$i")],
                    [$i + 1, 'incr', $key('pn')],
                    ['OK', 'hmset', $key("ph$i"), ['f' => "v$i"]],
                    [['f' => "v$i"], 'hgetall', $key("ph$i")],
                    [null, 'get', $key("missing$i")],
                    [1, 'zadd', $key("pz$i"), [['m', $i / 4]]],
                    [(float) ($i / 4), 'zscore', $key("pz$i"), 'm'],
                    [[['m', (float) ($i / 4)]], 'zrange', $key("pz$i")],
                    [["v$i", null, "v$i"], 'mget', [$key("p$i"), $key("missing$i"), $key("p$i")]],
                ] as $row) {
                    $expected[] = array_shift($row);
                    $operations[] = $row;
                }
            }
            $replies = $lib->pipeline($c, $operations);
            same(count($expected), count($replies), 'number of replies');
            foreach ($expected as $i => $reply) {
                same($reply, $replies[$i], "reply $i, to {$operations[$i][0]}");
            }
        },
        'wrong type' => function () use ($key, $lib, &$c): string {
            $error = $lib->wrongType($c, $key('s'));
            same(true, str_contains($error, 'WRONGTYPE'), "WRONGTYPE in $error");
            return $error;
        },
        'script' => fn () => $want(
            [$key('s'), 'arg', 42, null, ['nested', 'value']], 'eval', SCRIPT, $key('s'), 'arg',
        ),
        'stored script' => function () use ($key, $lib, &$c): void {
            // It is another script for each library, since one that a server knows already is not loaded again.
            $script = '-- ' . $lib->name() . "\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])";
            same(2, $lib->stored($c, $script, $key('sn'), '2'), 'stored script');
            same(42, $lib->stored($c, $script, $key('sn'), '40'), 'stored script');
        },
        'generic' => function () use ($want, $key, $lib, &$c): string {
            // What comes back where the library does not know the command depends on the types on the wire alone.
            $want(1, 'sadd', $key('one'), 'a');
            $seen = [];
            foreach ([
                ['GET', $key('s')], ['GET', $key('missing')], ['HGETALL', $key('h')], ['SMEMBERS', $key('one')],
                ['SISMEMBER', $key('one'), 'a'], ['ZRANGE', $key('z'), '0', '-1', 'WITHSCORES'], ['ZSCORE', $key('z'), 'half'],
                ['ZSCORE', $key('z'), 'highest'], ['MGET', $key('s'), $key('missing')], ['EVAL', SCRIPT, '1', $key('s'), 'arg'],
            ] as $words) {
                $seen[] = $words[0] . ' ' . show($lib->raw($c, ...$words));
            }
            return implode("\n", $seen);
        },
        'errors' => function () use ($want, $key, $lib, &$c): string {
            $seen = [];
            foreach ([
                ['INCR', $key('s')], ['GET', $key('h')], ['EVALSHA', str_repeat('0', 40), '1', $key('s')],
                ['EVAL', "return redis.error_reply('MINE of a script')", '1', $key('s')], ['GET', $key('s'), 'too', 'many'],
            ] as $words) {
                $seen[] = $lib->error($c, ...$words);
            }
            $want('value', 'get', $key('s'));
            return implode("\n", $seen);
        },
        'unknown command' => function () use ($want, $key, $lib, &$c): string {
            $seen = $lib->error($c, 'NOSUCH', $key('s'));
            $want('value', 'get', $key('s'));
            return $seen;
        },
        'MULTI' => function () use ($key, $lib, &$c): void {
            $operations = [['set', $key('{t}'), 'v'], ['incr', $key('{t}n')], ['get', $key('{t}')]];
            same(['OK', 1, 'v'], $lib->transaction($c, $operations), 'EXEC');
        },
        'MULTI over any keys' => function () use ($key, $lib, $port): void { // of different servers, if there are several
            $other = $lib->connect($port); // phpredis is still in the transaction after an error
            $operations = array_map(fn (int $i): array => ['set', $key("t$i"), 'v'], range(0, 7));
            same(array_fill(0, 8, 'OK'), $lib->transaction($other, $operations), 'EXEC');
            $lib->quit($other);
        },
        'WATCH conflict' => function () use ($want, $key, $lib, $port, &$c): void {
            $other = $lib->connect($port);
            $want('OK', 'set', $key('{w}'), 'before');
            foreach ([true, false] as $theirs) {
                $lib->watch($c, $key('{w}'));
                if ($theirs) {
                    $lib->op($other, 'set', $key('{w}'), 'theirs');
                }
                $replies = $lib->transaction($c, [['set', $key('{w}'), 'mine']]);
                same($theirs ? null : ['OK'], $replies, 'EXEC');
                $want($theirs ? 'theirs' : 'mine', 'get', $key('{w}'));
            }
            $lib->quit($other);
        },
        'blocking pop' => function () use ($want, $key, $lib, $port, &$c): void {
            $want(null, 'blpop', $key('list'), 0.1);
            // PHP has no threads: another process brings what is waited for.
            $child = pcntl_fork();
            if ($child === 0) {
                $lib->op($lib->connect($port), 'rpush', $key('list'), 'v');
                posix_kill(posix_getpid(), SIGKILL); // its copy of the other connection is not closed in good order
            }
            $popped = $lib->op($c, 'blpop', $key('list'), 5);
            pcntl_waitpid($child, $status);
            same([$key('list'), 'v'], $popped, 'BLPOP');
        },
        'pub/sub' => function () use ($key, $lib, $port, &$c): string {
            $subscriber = $lib->connect($port);
            $seen = $lib->subscribe($subscriber, $key('channel'), $key('ch*'), function () use ($key, $lib, &$c): void {
                foreach (['hello', "\0\xff", 'end'] as $payload) {
                    $lib->op($c, 'publish', $key('channel'), $payload);
                }
            });
            $lib->quit($subscriber);
            same(4, count($seen), 'number of messages');
            sort($seen);
            return implode("\n", $seen);
        },
        'SCAN' => function () use ($want, $key, $lib, $port): void {
            $other = $lib->connect($port); // phpredis reads no reply right any more after an error for SCAN
            $keys = array_map(fn (int $i): string => $key("scan$i"), range(0, 199));
            $want('OK', 'mset', array_fill_keys($keys, 'v'));
            $got = array_values(array_unique($lib->scan($other, $key('scan*')))); // SCAN may name a key twice
            sort($keys);
            sort($got);
            same($keys, $got, 'SCAN');
        },
        'SCAN of a key' => function () use ($key, $lib, &$c): void {
            $fields = array_map('strval', $lib->scanKey($c, $key('h')));
            sort($fields, SORT_STRING);
            same(['2', 'f', 'g'], $fields, 'HSCAN');
        },
        'streams with groups' => function () use ($key, $lib, &$c): string {
            $k = $key('stream');
            same(true, (bool) $lib->raw($c, 'XGROUP', 'CREATE', $k, 'g', '0', 'MKSTREAM'), 'XGROUP');
            for ($i = 1; $i <= 5; $i++) {
                same("$i-1", $lib->raw($c, 'XADD', $k, "$i-1", 'f', "v$i"), 'XADD');
            }
            $seen = [show($lib->readGroup($c, 'one', $k)), show($lib->readGroup($c, 'two', $k))];
            same(2, $lib->raw($c, 'XACK', $k, 'g', '1-1', '2-1'), 'XACK');
            $seen[] = show($lib->raw($c, 'XPENDING', $k, 'g'));
            $seen[] = show($lib->readGroup($c, 'one', $k)); // nothing is left
            return implode("\n", $seen);
        },
        'WAIT' => function () use ($lib, &$c): void {
            same(0, $lib->raw($c, 'WAIT', '0', '10'), 'WAIT');
        },
        'SELECT' => function () use ($want, $key, $lib, $port): void {
            $other = $lib->connect($port, 1);
            $lib->op($other, 'set', $key('db'), 'one');
            same('one', $lib->op($other, 'get', $key('db')), 'GET');
            $want(null, 'get', $key('db'));
            $lib->quit($other);
        },
        'reconnect after CLIENT KILL' => function () use ($key, $lib, $port, &$c): void {
            $victim = $lib->connect($port);
            $id = $lib->raw($victim, 'CLIENT', 'ID');
            same(1, $lib->raw($c, 'CLIENT', 'KILL', 'ID', (string) $id), 'CLIENT KILL');
            // The library may show that once; then it has another connection.
            for ($i = 0, $got = null; $got !== 'value' && $i < 500; $i++) {
                try {
                    $got = $lib->op($victim, 'get', $key('s'));
                } catch (Exception) {
                    usleep(10_000);
                }
            }
            same('value', $got, 'GET');
            same(false, $lib->raw($victim, 'CLIENT', 'ID') === $id, 'the same connection');
            $lib->quit($victim);
        },
        'name' => function () use ($lib, $port): void {
            $named = $lib->connect($port);
            $lib->setName($named, 'compat');
            same('compat', $lib->getName($named), 'CLIENT GETNAME');
            $lib->quit($named);
        },
        'client info' => function () use ($lib, &$c): void {
            $lib->clientInfo($c);
        },
        'server info' => function () use ($lib, &$c): void {
            $lib->serverInfo($c);
        },
        'concurrent' => function () use ($want, $key, $lib, $port): void {
            // PHP has no threads: four clients at a time, in turn.
            $clients = array_map(fn () => $lib->connect($port), range(1, 4));
            for ($i = 0; $i < 100; $i++) {
                same($i + 1, $lib->op($clients[$i % 4], 'incr', $key('shared')), 'INCR');
            }
            $want('100', 'get', $key('shared'));
            array_map(fn (object $client) => $lib->quit($client), $clients);
        },
        'quit' => function () use ($lib, &$c): void {
            $lib->quit($c);
        },
    ];
}

function scenario(Library $lib, int $port): void
{
    run($lib->version(), steps($lib, $port));
}
