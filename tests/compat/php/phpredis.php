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

    public function connect(int $port): object
    {
        $c = new Redis();
        $c->connect('127.0.0.1', $port);
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

    public function call(object $c, string $op, array $args): mixed
    {
        return match ($op) {
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

scenario(new PhpRedis(), (int) $argv[1]);
