<?php
// php-memcached, the extension on libmemcached, goes through the scenarios; ../doc.go tells how.
//
//	memcached.php text|binary PORT
declare(strict_types=1);

require __DIR__ . '/report.php';

[, $protocol, $port] = $argv;
$key = fn (string $name): string => "php-memcached-$protocol:$name";

/** A client with the extension's defaults but for the protocol, which is text. */
function dial(string $protocol, string $port): Memcached
{
    $c = new Memcached();
    $c->setOption(Memcached::OPT_BINARY_PROTOCOL, $protocol === 'binary');
    $c->addServer('127.0.0.1', (int) $port);
    return $c;
}

$c = dial($protocol, $port);
$did = fn (mixed $got): string => var_export($got, true) . ' ' . $c->getResultMessage();

run(phpversion('memcached'), [
    'connect' => function () use ($c, $key): void {
        same(true, $c->set($key('connect'), 1), 'set'); // it connects when it has something to send
    },
    'basic' => function () use ($c, $key, $did): string {
        same(true, $c->set($key('s'), 'value'), 'set');
        same('value', $c->get($key('s')), 'get');
        $seen = $did($c->get($key('missing'))) . "\n" . $did($c->delete($key('missing')));
        same(true, $c->delete($key('s')), 'delete');
        same(false, $c->get($key('s')), 'get');
        return $seen;
    },
    'types' => function () use ($c, $key): void {
        foreach ([0, -1, 1.5, true, null, '', implode('', array_map('chr', range(0, 255))), ['a' => [1, 'b']]] as $i => $v) {
            same(true, $c->set($key("t$i"), $v), 'set');
            same($v, $c->get($key("t$i")), 'get');
        }
    },
    'large' => function () use ($c, $key): void {
        $bytes = random_bytes(1_000_000); // such as cannot be compressed
        same(true, $c->set($key('large'), $bytes), 'set');
        same(true, $c->get($key('large')) === $bytes, 'what was set is there');
    },
    'too large' => fn () => $did($c->set($key('huge'), random_bytes(2 << 20))),
    'add, replace' => function () use ($c, $key, $did): string {
        $seen = [$did($c->replace($key('a'), 1)), $did($c->add($key('a'), 2)), $did($c->add($key('a'), 3)), $did($c->replace($key('a'), 4))];
        same(4, $c->get($key('a')), 'get');
        return implode("\n", $seen);
    },
    'append, prepend' => function () use ($c, $key, $did): string {
        $c->setOption(Memcached::OPT_COMPRESSION, false); // the extension asks for that
        $seen = $did($c->append($key('ap'), 'x'));
        same(true, $c->set($key('ap'), 'b'), 'set');
        same(true, $c->append($key('ap'), 'c') && $c->prepend($key('ap'), 'a'), 'append, prepend');
        same('abc', $c->get($key('ap')), 'get');
        return $seen;
    },
    'counter' => function () use ($c, $key, $did): string {
        same(true, $c->set($key('n'), 5), 'set');
        same(6, $c->increment($key('n')), 'increment');
        return implode("\n", [
            $did($c->decrement($key('n'), 100)), $did($c->increment($key('nomissing'))), $did($c->increment($key('ap'))),
        ]);
    },
    'times' => function () use ($c, $key, $did): string {
        $seen = [];
        foreach ([0, 1000, 60 * 60 * 24 * 31, time() + 1000, -1] as $i => $time) {
            $seen[] = "$i " . $did($c->set($key('e'), 'v', $time)) . ' ' . $did($c->get($key('e')));
        }
        $seen[] = $did($c->touch($key('n'), 1000)) . ' ' . $did($c->touch($key('missing'), 1000));
        return implode("\n", $seen);
    },
    'many' => function () use ($c, $key): void {
        $values = [];
        for ($i = 0; $i < 50; $i++) {
            $values[$key("m$i")] = "v$i";
        }
        same(true, $c->setMulti($values), 'setMulti');
        $got = $c->getMulti([...array_keys($values), $key('missing')]);
        ksort($got);
        ksort($values);
        same($values, $got, 'getMulti');
        same(array_fill_keys(array_keys($values), true), $c->deleteMulti(array_keys($values)), 'deleteMulti');
    },
    'cas' => function () use ($c, $key, $did): string {
        $c->set($key('cas'), 'v');
        $token = $c->get($key('cas'), null, Memcached::GET_EXTENDED)['cas'];
        same(true, $c->cas($token, $key('cas'), 'w'), 'cas');
        $seen = $did($c->cas($token, $key('cas'), 'x'));
        same('w', $c->get($key('cas')), 'get');
        return $seen;
    },
    'noreply' => function () use ($protocol, $port, $key, $did): string {
        $quiet = dial($protocol, $port);
        $quiet->setOption(Memcached::OPT_NOREPLY, true);
        for ($i = 0; $i < 100; $i++) {
            $quiet->set($key("nr$i"), "v$i");
        }
        $seen = count($quiet->getMulti(array_map(fn (int $i): string => $key("nr$i"), range(0, 99))));
        $quiet->quit();
        return "$seen values";
    },
    'quit' => fn () => same(true, $c->quit(), 'quit'),
]);
