<?php
// Symfony's Messenger with its Redis transport, on phpredis: messages on a stream with a group, later ones in a sorted set; ../doc.go
// tells how.
//
//	symfony-messenger.php resp2 PORT
declare(strict_types=1);

require 'Symfony/Component/Messenger/autoload.php'; // Debian's place is in the include path
require 'Symfony/Component/Messenger/Bridge/Redis/autoload.php';
require __DIR__ . '/report.php';

use Symfony\Component\Messenger\Bridge\Redis\Transport\RedisTransportFactory;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;
use Symfony\Component\Messenger\Transport\TransportInterface;

final class Sum
{
    public function __construct(public int $a, public int $b)
    {
    }
}

$port = $argv[2];
$transport = fn (string $consumer): TransportInterface => (new RedisTransportFactory())->createTransport(
    // The sorted set of later messages is beside the stream in one transaction, so before several servers both need one hash tag.
    "redis://127.0.0.1:$port/{symfony-messenger-resp2}messages/symfony/$consumer", ['delete_after_ack' => true], new PhpSerializer(),
);
$sender = $receiver = null;

/** The next $n messages, which are acknowledged. @return list<int> */
$receive = function (int $n) use (&$receiver): array {
    $sums = [];
    for ($until = microtime(true) + 10; count($sums) < $n && microtime(true) < $until;) {
        foreach ($receiver->get() as $envelope) {
            $sums[] = $envelope->getMessage()->a + $envelope->getMessage()->b;
            $receiver->ack($envelope);
        }
    }
    sort($sums);
    return $sums;
};

run(debian('php-symfony-redis-messenger'), [
    'connect' => function () use ($transport, $receive, &$sender, &$receiver): void {
        $sender = $transport('sender');
        $receiver = $transport('receiver');
        $receiver->setup();
        $sender->send(new Envelope(new Sum(1, 2)));
        same([3], $receive(1), 'messages');
    },
    '50 messages' => function () use ($receive, &$sender): void {
        for ($i = 0; $i < 50; $i++) {
            $sender->send(new Envelope(new Sum($i, $i)));
        }
        same(array_map(fn (int $i): int => 2 * $i, range(0, 49)), $receive(50), 'messages');
    },
    'later' => function () use ($receive, &$sender): void {
        $sender->send(new Envelope(new Sum(3, 4), [new DelayStamp(200)]));
        same([7], $receive(1), 'messages');
    },
    'reject' => function () use (&$sender, &$receiver): void {
        $sender->send(new Envelope(new Sum(5, 6)));
        foreach ($receiver->get() as $envelope) {
            $receiver->reject($envelope);
        }
        same([], [...$receiver->get()], 'messages that are left');
    },
    'quit' => function () use (&$sender, &$receiver): void {
        $sender = $receiver = null;
    },
]);
