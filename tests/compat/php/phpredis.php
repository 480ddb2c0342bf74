<?php
// phpredis, the extension in C.
declare(strict_types=1);

require __DIR__ . '/scenario.php';

final class PhpRedis extends Library
{
    public function name(): string
    {
        return 'phpredis';
    }

    public function version(): string
    {
        return phpversion('redis');
    }

    public function connect(int $port, int $db = 0): object
    {
        $c = new Redis();
        if (tls() === null) {
            $c->connect('127.0.0.1', $port);
        } else {
            $c->connect('tls://127.0.0.1', $port, 0, null, 0, 0, ['stream' => tls()]);
        }
        if ($db !== 0 && !$c->select($db)) {
            throw new RedisException((string) $c->getLastError());
        }
        return $c;
    }

    public function setName(object $c, string $name): void
    {
        same(true, $c->client('setname', $name), 'CLIENT SETNAME');
    }

    public function getName(object $c): ?string
    {
        return $c->client('getname');
    }

    public function clientInfo(object $c): void
    {
        same(true, isset($c->client('list')[0]['id']), 'id in CLIENT LIST');
    }

    public function serverInfo(object $c): void
    {
        same(true, isset($c->info()['redis_version']), 'redis_version in INFO');
    }

    public function quit(object $c): void
    {
        same(true, $c->close(), 'close');
    }

    public function raw(object $c, string ...$words): mixed
    {
        return $c->rawCommand(...$words);
    }

    public function stored(object $c, string $script, string $key, string $arg): mixed
    {
        $reply = $c->evalSha(sha1($script), [$key, $arg], 1);
        if ($reply !== false) {
            return $reply;
        }
        same('NOSCRIPT', substr((string) $c->getLastError(), 0, 8), 'error of EVALSHA');
        $c->clearLastError();
        return $c->eval($script, [$key, $arg], 1);
    }

    public function pipeline(object $c, array $operations): array
    {
        $p = $c->multi(Redis::PIPELINE);
        foreach ($operations as $args) {
            $this->call($p, array_shift($args), $args);
        }
        $replies = $p->exec();
        return array_map(fn (array $o, mixed $reply) => $this->read($o[0], $reply), $operations, $replies);
    }

    public function transaction(object $c, array $operations): ?array
    {
        $t = $c->multi();
        foreach ($operations as $args) {
            $this->call($t, array_shift($args), $args);
        }
        $replies = $t->exec();
        if ($replies === false) {
            if ($c->getLastError() !== null) {
                throw new RedisException($c->getLastError());
            }
            return null;
        }
        return array_map(fn (array $o, mixed $reply) => $this->read($o[0], $reply), $operations, $replies);
    }

    public function watch(object $c, string $key): void
    {
        same(true, $c->watch($key), 'WATCH');
    }

    public function subscribe(object $c, string $channel, string $pattern, callable $ready): array
    {
        // It has a call for channels and one for patterns, and neither returns before its subscriptions end: two runs. Nothing
        // says that it has subscribed, so that another process publishes the same until it was heard: to a channel for each run, as who
        // subscribed in the first may still be there.
        $seen = [];
        foreach (['subscribe' => "$channel-subscribe", 'psubscribe' => $pattern] as $call => $name) {
            $to = "$channel-$call";
            [$ear, $news] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
            stream_set_blocking($news, false);
            $child = pcntl_fork();
            if ($child === 0) {
                $publisher = $this->connect($c->getPort());
                for ($i = 0; $i < 500 && !fread($news, 1); $i++) {
                    $publisher->publish($to, "\0\xff");
                    usleep(10_000);
                }
                $publisher->publish($to, 'hello');
                $publisher->publish($to, 'end');
                posix_kill(posix_getpid(), SIGKILL); // its copies of other connections are not closed in good order
            }
            $subscriber = $this->connect($c->getPort());
            $subscriber->setOption(Redis::OPT_READ_TIMEOUT, 5);
            $ended = false;
            try {
                $subscriber->$call([$name], function (Redis $subscriber, string ...$words) use (&$ended, &$seen, $ear): void {
                    if ($ended = end($words) === 'end') {
                        $subscriber->close(); // this version goes on to wait after its last subscription has ended
                        return;
                    }
                    if (!in_array($message = implode(' ', $words), $seen, true)) {
                        $seen[] = $message;
                        fwrite($ear, '.');
                    }
                });
            } catch (RedisException $e) {
                if (!$ended) {
                    throw $e;
                }
            } finally {
                pcntl_waitpid($child, $status);
            }
        }
        return $seen;
    }

    public function scan(object $c, string $pattern): array
    {
        $c->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
        $all = [];
        for ($cursor = null; ($keys = $c->scan($cursor, $pattern, 50)) !== false;) {
            array_push($all, ...$keys);
        }
        return $all;
    }

    public function scanKey(object $c, string $key): array
    {
        $all = [];
        for ($cursor = null; ($pairs = $c->hScan($key, $cursor)) !== false;) {
            array_push($all, ...array_keys($pairs));
        }
        return $all;
    }

    public function readGroup(object $c, string $consumer, string $key): array
    {
        return $c->xReadGroup('g', $consumer, [$key => '>'], 3, 50)[$key] ?? [];
    }

    public function error(object $c, string ...$words): string
    {
        try {
            same(false, $c->rawCommand(...$words), $words[0]);
        } catch (RedisException $e) { // for errors that it does not know
            return get_class($e) . ': ' . $e->getMessage();
        }
        $error = (string) $c->getLastError();
        $c->clearLastError();
        return $error;
    }

    public function call(object $c, string $op, array $args): mixed
    {
        return match ($op) {
            'blpop' => $c->blPop($args[0], (int) ceil($args[1])), // it knows no part of a second
            'eval' => $c->eval($args[0], array_slice($args, 1), 1),
            'zadd' => $c->zAdd($args[0], ...array_merge(...array_map(fn (array $z) => [$z[1], $z[0]], $args[1]))),
            'zrange' => $c->zRange($args[0], 0, -1, true),
            default => $c->$op(...$args),
        };
    }

    public function read(string $op, mixed $reply): mixed
    {
        $present = fn (mixed $v): mixed => $v === false ? null : $v; // false is what the library has for null
        return match ($op) {
            'ping', 'set', 'setex', 'hmset', 'mset' => $reply === true ? ($op === 'ping' ? 'PONG' : 'OK') : $reply,
            'zrange' => array_map(null, array_keys($reply), array_values($reply)),
            'blpop' => $reply === [] ? null : $reply,
            'mget', 'eval' => is_array($reply) ? array_map($present, $reply) : $reply,
            default => $present($reply),
        };
    }

    public function wrongType(object $c, string $key): string
    {
        same(false, $c->hGet($key, 'f'), 'HGET of a string');
        $error = (string) $c->getLastError();
        $c->clearLastError();
        return $error;
    }
}

scenario(new PhpRedis(), (int) $argv[2]);
