<?php
// Laravel's queue, cache, locks and limits on Redis, with phpredis; ../doc.go tells how.
//
//	laravel.php resp2 PORT
//
// The names of queues are in braces, as Laravel's documentation asks for with a cluster.
declare(strict_types=1);

require 'Illuminate/autoload.php'; // Debian's place is in the include path
require __DIR__ . '/report.php';

use Illuminate\Cache\RateLimiter;
use Illuminate\Cache\RedisStore;
use Illuminate\Cache\Repository;
use Illuminate\Container\Container;
use Illuminate\Queue\RedisQueue;
use Illuminate\Redis\RedisManager;

set_error_handler(fn (): bool => true, E_DEPRECATED); // an older framework under a newer PHP

final class Sum
{
    public static array $sums = [];

    public function fire(Illuminate\Contracts\Queue\Job $job, array $data): void
    {
        if (($data['fails'] ?? false) && $job->attempts() < 2) {
            $job->release();
            return;
        }
        self::$sums[] = $data['a'] + $data['b'];
        $job->delete();
    }
}

$app = Container::getInstance();
$redis = new RedisManager($app, 'phpredis', [
    'options' => ['prefix' => 'laravel-resp2:'],
    'default' => ['host' => '127.0.0.1', 'port' => (int) $argv[2], 'database' => 0],
    'cache' => ['host' => '127.0.0.1', 'port' => (int) $argv[2], 'database' => 0],
]);
$queue = new RedisQueue($redis, '{default}', null, 60, 1);
$queue->setContainer($app);
$queue->setConnectionName('redis');
$cache = new Repository(new RedisStore($redis, 'cache:', 'cache'));

/** What the next $n jobs add up to, in order of their sums. */
$work = function (int $n) use ($queue): array {
    Sum::$sums = [];
    for ($until = microtime(true) + 10; count(Sum::$sums) < $n && microtime(true) < $until;) {
        $queue->pop()?->fire();
    }
    sort(Sum::$sums);
    return Sum::$sums;
};

run(Illuminate\Foundation\Application::VERSION, [
    'connect' => function () use ($queue, $work): void {
        $queue->push('Sum', ['a' => 1, 'b' => 2]);
        same([3], $work(1), 'sums');
    },
    '50 jobs' => function () use ($queue, $work): void {
        for ($i = 0; $i < 50; $i++) {
            $queue->push('Sum', ['a' => $i, 'b' => $i]);
        }
        same(50, $queue->size(), 'size of the queue');
        same(array_map(fn (int $i): int => 2 * $i, range(0, 49)), $work(50), 'sums');
        same(0, $queue->size(), 'size of the queue');
    },
    'in bulk' => function () use ($queue, $work): void { // in one transaction
        $queue->bulk(['Sum', 'Sum'], ['a' => 1, 'b' => 1]);
        same([2, 2], $work(2), 'sums');
    },
    'later' => function () use ($queue, $work): void {
        $queue->later(1, 'Sum', ['a' => 3, 'b' => 4]);
        same([7], $work(1), 'sums');
    },
    'released' => function () use ($queue, $work): void {
        $queue->push('Sum', ['a' => 4, 'b' => 4, 'fails' => true]);
        same([8], $work(1), 'sums');
    },
    'clear' => function () use ($queue): void {
        $queue->push('Sum');
        $queue->later(100, 'Sum');
        same(2, $queue->clear('{default}'), 'jobs that were there');
    },
    'cache' => function () use ($cache): void {
        same(true, $cache->put('a', ['b' => 1], 100), 'put');
        same(['b' => 1], $cache->get('a'), 'get');
        same(null, $cache->get('missing'), 'get');
        same(5, $cache->remember('r', 100, fn (): int => 5), 'remember');
        same([true, false], [$cache->add('c', 1, 100), $cache->add('c', 2, 100)], 'add');
        same(3, $cache->increment('n', 3), 'increment');
        same(true, $cache->forget('a'), 'forget');
    },
    'cache of many' => function () use ($cache, $redis): void { // put in one transaction
        $values = array_combine(array_map(fn (int $i): string => "m$i", range(0, 19)), range(0, 19));
        try {
            same(true, $cache->putMany($values, 100), 'putMany');
        } catch (RedisException $e) {
            $redis->purge('cache'); // phpredis is still in the transaction after an error
            throw $e;
        }
        same($values, array_map('intval', $cache->many(array_keys($values))), 'many');
    },
    'tags' => function () use ($cache): void {
        $cache->tags(['people', 'authors'])->put('Ada', 1, 100);
        same(1, (int) $cache->tags(['people', 'authors'])->get('Ada'), 'get');
        $cache->tags('authors')->flush();
        same(null, $cache->tags(['people', 'authors'])->get('Ada'), 'get');
    },
    'locks' => function () use ($cache): void {
        $lock = $cache->lock('l', 10);
        same([true, false], [$lock->get(), $cache->lock('l', 10)->get()], 'get');
        same([true, true], [$lock->release(), $cache->lock('l', 10)->get()], 'release, get');
    },
    'limits' => function () use ($cache, $redis): void {
        $limiter = new RateLimiter($cache);
        same([1, 2], [$limiter->hit('h'), $limiter->hit('h')], 'hit');
        same(true, $limiter->tooManyAttempts('h', 2), 'too many');
        $ran = 0;
        for ($i = 0; $i < 5; $i++) {
            $redis->connection()->throttle('t')->allow(3)->every(100)->block(0)->then(function () use (&$ran): void {
                $ran++;
            }, fn () => null);
            $redis->connection()->funnel('f')->limit(1)->block(0)->then(fn () => null, fn () => null);
        }
        same(3, $ran, 'within the limit');
    },
    'quit' => function () use ($redis): void {
        $redis->purge('default');
        $redis->purge('cache');
    },
]);
