<?php
// Predis, the library in PHP.
declare(strict_types=1);

require 'Predis/Autoloader.php'; // Debian's place is in the include path
require __DIR__ . '/scenario.php';

Predis\Autoloader::register();

final class Predis extends Library
{
    public function name(): string
    {
        return 'predis';
    }

    public function version(): string
    {
        return Predis\Client::VERSION;
    }

    public function connect(int $port, int $db = 0): object
    {
        $to = ['scheme' => 'tcp', 'host' => '127.0.0.1', 'port' => $port] + ($db !== 0 ? ['database' => $db] : []);
        $c = new Predis\Client(tls() === null ? $to : ['scheme' => 'tls', 'ssl' => tls()] + $to);
        $c->connect();
        return $c;
    }

    public function setName(object $c, string $name): void
    {
        same('OK', (string) $c->client('setname', $name), 'CLIENT SETNAME');
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
        same(true, isset($c->info('server')['Server']['redis_version']), 'redis_version in INFO');
    }

    public function quit(object $c): void
    {
        $c->quit();
        same(false, $c->isConnected(), 'isConnected');
    }

    public function raw(object $c, string ...$words): mixed
    {
        return $c->executeRaw($words);
    }

    public function stored(object $c, string $script, string $key, string $arg): mixed
    {
        try {
            return $c->evalsha(sha1($script), 1, $key, $arg);
        } catch (Predis\Response\ServerException $e) {
            same('NOSCRIPT', $e->getErrorType(), 'error of EVALSHA');
        }
        return $c->eval($script, 1, $key, $arg);
    }

    public function pipeline(object $c, array $operations): array
    {
        $replies = $c->pipeline(function (object $p) use ($operations): void {
            foreach ($operations as $args) {
                $this->call($p, array_shift($args), $args);
            }
        });
        return array_map(fn (array $o, mixed $reply) => $this->read($o[0], $reply), $operations, $replies);
    }

    public function transaction(object $c, array $operations): ?array
    {
        try {
            $replies = $c->transaction(function (object $t) use ($operations): void {
                foreach ($operations as $args) {
                    $this->call($t, array_shift($args), $args);
                }
            });
        } catch (Predis\Transaction\AbortedMultiExecException) {
            return null;
        }
        return array_map(fn (array $o, mixed $reply) => $this->read($o[0], $reply), $operations, $replies);
    }

    public function watch(object $c, string $key): void
    {
        same('OK', (string) $c->watch($key), 'WATCH');
    }

    public function subscribe(object $c, string $channel, string $pattern, callable $ready): array
    {
        $loop = $c->pubSubLoop(['subscribe' => $channel, 'psubscribe' => $pattern]);
        $seen = [];
        foreach ($loop as $m) {
            if ($m->kind === 'psubscribe') {
                $ready();
            } elseif (isset($m->payload) && $m->payload === 'end') {
                $loop->stop();
            } elseif (str_ends_with($m->kind, 'message')) {
                $seen[] = ($m->pattern ?? '') . " $m->channel $m->payload";
            }
        }
        return $seen;
    }

    public function scan(object $c, string $pattern): array
    {
        return array_values(iterator_to_array(new Predis\Collection\Iterator\Keyspace($c, $pattern, 50), false));
    }

    public function scanKey(object $c, string $key): array
    {
        return array_keys(iterator_to_array(new Predis\Collection\Iterator\HashKey($c, $key)));
    }

    public function readGroup(object $c, string $consumer, string $key): array
    {
        // This version knows no streams.
        $words = ['XREADGROUP', 'GROUP', 'g', $consumer, 'COUNT', '3', 'BLOCK', '50', 'STREAMS', $key, '>'];
        return $c->executeRaw($words)[0][1] ?? [];
    }

    public function error(object $c, string ...$words): string
    {
        $text = $c->executeRaw($words, $failed);
        same(true, $failed, $words[0]);
        return $text;
    }

    public function call(object $c, string $op, array $args): mixed
    {
        return match ($op) {
            'eval' => $c->eval($args[0], 1, ...array_slice($args, 1)),
            'sadd' => $c->sadd($args[0], array_slice($args, 1)),
            'zadd' => $c->zadd($args[0], array_map(fn (float|int $s) => $this->text($s), array_column($args[1], 1, 0))),
            'zrange' => $c->zrange($args[0], 0, -1, 'WITHSCORES'),
            default => $c->$op(...$args),
        };
    }

    public function read(string $op, mixed $reply): mixed
    {
        return match ($op) {
            'blpop' => $reply === [] ? null : $reply,
            'ping', 'set', 'setex', 'hmset', 'mset' => (string) $reply,
            'zscore', 'zincrby' => $this->score($reply),
            'zrange' => array_map(fn (string $m, mixed $s) => [$m, $this->score($s)], array_keys($reply), $reply),
            default => $reply,
        };
    }

    public function wrongType(object $c, string $key): string
    {
        try {
            $c->hget($key, 'f');
        } catch (Predis\Response\ServerException $e) {
            return get_class($e) . ': ' . $e->getMessage();
        }
        return 'HGET of a string succeeded';
    }

    private function text(float|int $score): string
    {
        return is_infinite((float) $score) ? ($score > 0 ? '+inf' : '-inf') : (string) $score;
    }

    private function score(mixed $text): ?float
    {
        return match ($text) {
            null => null,
            'inf' => INF,
            '-inf' => -INF,
            default => (float) $text,
        };
    }
}

scenario(new Predis(), (int) $argv[2]);
