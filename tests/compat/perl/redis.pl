#!/usr/bin/perl
# Redis.pm goes through the scenarios; ../doc.go tells how.
#
#	redis.pl resp2 PORT
use strict;
use warnings;

use JSON::PP;
use Redis;
use Time::HiRes qw(sleep);

my $port = $ARGV[1];
my $json = JSON::PP->new->canonical->allow_nonref->latin1;
$| = 1;
$ENV{SSL_CERT_FILE} = $ENV{COMPAT_TLS_CA} if $ENV{COMPAT_TLS_CA}; # Redis.pm has no option for it

sub key  { "perl-redis-resp2:$_[0]" }
sub dial { Redis->new(server => "127.0.0.1:$port", encoding => undef, ssl => !!$ENV{COMPAT_TLS_CA}, @_) }
sub show { $json->encode($_[0]) }

sub same {
    my ($want, $got, $what) = @_;
    ($want, $got) = (show($want), show($got));
    die "$what = " . substr($got, 0, 200) . '; want ' . substr($want, 0, 200) . "\n" if $want ne $got;
}

# What a call is answered, be it an error; the library adds the place of the call.
sub outcome {
    my ($call) = @_;
    my $got = eval { $call->() };
    return $@ ? $@ =~ s/ at .* line \d+\.?\n?//sr =~ s/^\[\w+\] //r : show($got);
}

my $every = join '', map { chr } 0 .. 255;
my $script = "return {KEYS[1], ARGV[1], 42, false, {'nested', redis.call('GET', KEYS[1])}}";

my @steps = (
    ping   => sub { same('PONG', shift->ping, 'PING') },
    expiry => sub {
        my ($c) = @_;
        same('OK', $c->set(key('s'), 'value', 'EX', 1000), 'SET');
        same('value', $c->get(key('s')), 'GET');
        my $ttl = $c->ttl(key('s'));
        die "TTL $ttl\n" if $ttl < 1 || $ttl > 1000;
    },
    binary => sub {
        my ($c) = @_;
        same('OK', $c->set(key('b') . $every, $every), 'SET'); # a key of them too
        same($every, $c->get(key('b') . $every), 'GET');
    },
    large => sub {
        my ($c) = @_;
        my $value = substr $every x 4096, 0, 1 << 20;
        same('OK', $c->set(key('large'), $value), 'SET');
        die "other bytes than those set\n" if $value ne $c->get(key('large'));
    },
    generic => sub {
        my ($c) = @_;
        $c->sadd(key('one'), 'a');
        $c->hset(key('h'), 'f', 'v');
        $c->hset(key('h'), 'g', 'w');
        $c->zadd(key('z'), '-inf', 'lowest', 1.5, 'half', 'inf', 'highest');
        return join "\n", map { my @words = @$_; my $name = shift @words; "$name " . outcome(sub { scalar $c->$name(@words) }) }
            ['get', key('s')], ['get', key('missing')], ['hgetall', key('h')], ['smembers', key('one')], ['sismember', key('one'), 'a'],
            ['zrange', key('z'), 0, -1, 'WITHSCORES'], ['zscore', key('z'), 'half'], ['mget', key('s'), key('missing')], ['type', key('z')];
    },
    'multi-key' => sub {
        my ($c) = @_;
        my @keys = map { key("m$_") } 0 .. 49;
        my @values = map { $_ % 5 == 3 ? undef : "v$_" } 0 .. 49;
        same('OK', $c->mset(map { defined $values[$_] ? ($keys[$_], $values[$_]) : () } 0 .. 49), 'MSET');
        same(\@values, [$c->mget(@keys)], 'MGET');
        same(40, 0 + $c->del(@keys), 'DEL');
        same(0,  0 + $c->del(@keys), 'DEL');
    },
    pipeline => sub { # with a callback for each reply
        my ($c) = @_;
        my (@want, @got);
        for my $i (0 .. 499) {
            my $take = sub { my ($reply, $error) = @_; push @got, $error // $reply };
            $c->set(key("p$i"), "v$i", $take);
            $c->get(key("p$i"), $take);
            $c->get(key("missing$i"), $take);
            push @want, 'OK', "v$i", undef;
        }
        $c->wait_all_responses;
        same(\@want, \@got, 'replies');
    },
    script => sub {
        my ($c) = @_;
        same([key('s'), 'arg', '42', undef, ['nested', 'value']], [$c->eval($script, 1, key('s'), 'arg')], 'EVAL');
        my $sha = $c->script_load("-- perl\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])");
        same(2, 0 + $c->evalsha($sha, 1, key('sn'), 2), 'EVALSHA');
    },
    MULTI => sub { transaction(shift, map { key("{t}$_") } 0 .. 1) },
    'MULTI over any keys' => sub { transaction(dial(), map { key("t$_") } 0 .. 7) }, # of different servers, if there are several
    'WATCH conflict' => sub {
        my ($c) = @_;
        my $other = dial();
        $c->set(key('{w}'), 'before');
        for my $theirs (1, 0) {
            $c->watch(key('{w}'));
            $other->set(key('{w}'), 'theirs') if $theirs;
            $c->multi;
            $c->set(key('{w}'), 'mine');
            same($theirs ? undef : ['OK'], scalar $c->exec, 'EXEC');
            same($theirs ? 'theirs' : 'mine', $c->get(key('{w}')), 'GET');
        }
        $other->quit;
    },
    'blocking pop' => sub {
        my ($c) = @_;
        same(undef, scalar $c->blpop(key('list'), 0.1), 'BLPOP');
        my $other = dial();
        my $popped;
        $other->blpop(key('list'), 5, sub { $popped = $_[0] }); # sent, and awaited below
        $c->rpush(key('list'), 'v');
        $other->wait_all_responses;
        same([key('list'), 'v'], $popped, 'BLPOP');
        $other->quit;
    },
    'pub/sub' => sub {
        my ($c) = @_;
        my $subscriber = dial();
        my @seen;
        my $take = sub { my ($message, $channel, $name) = @_; push @seen, "$name $channel $message" };
        $subscriber->subscribe(key('channel'), $take);
        $subscriber->psubscribe(key('ch*'), $take);
        $c->publish(key('channel'), $_) for 'hello', "\0\xff";
        while (@seen < 4) { die "messages: @seen\n" unless $subscriber->wait_for_messages(5) }
        $subscriber->unsubscribe(key('channel'), $take);
        $subscriber->punsubscribe(key('ch*'), $take);
        same('PONG', $subscriber->ping, 'PING after the subscriptions');
        $subscriber->quit;
        return join "\n", sort @seen;
    },
    SCAN => sub {
        my ($c) = @_;
        my @keys = sort map { key("scan$_") } 0 .. 199;
        $c->set($_, 'v') for @keys;
        my (%found, $keys);
        my $cursor = 0;
        do {
            ($cursor, $keys) = $c->scan($cursor, 'MATCH', key('scan*'), 'COUNT', 50);
            $found{$_} = 1 for @$keys;
        } while ($cursor);
        same(\@keys, [sort keys %found], 'SCAN');
    },
    'SCAN of a key' => sub { same(['0', ['f', 'v', 'g', 'w']], [shift->hscan(key('h'), 0)], 'HSCAN') },
    'streams with groups' => sub {
        my ($c) = @_;
        my $k = key('stream');
        same('OK', $c->xgroup_create($k, 'g', 0, 'MKSTREAM'), 'XGROUP CREATE');
        same("$_-1", $c->xadd($k, "$_-1", 'f', "v$_"), 'XADD') for 1 .. 5;
        my $read = sub { scalar $c->xreadgroup('GROUP', 'g', $_[0], 'COUNT', 3, 'BLOCK', 50, 'STREAMS', $k, '>') };
        my @seen = (show($read->('one')), show($read->('two')));
        same(2, 0 + $c->xack($k, 'g', '1-1', '2-1'), 'XACK');
        return join "\n", @seen, show(scalar $c->xpending($k, 'g')), show($read->('one'));
    },
    errors => sub {
        my ($c) = @_;
        my @seen = (
            outcome(sub { $c->incr(key('s')) }),
            outcome(sub { $c->get(key('h')) }),
            outcome(sub { $c->evalsha('0' x 40, 1, key('s')) }),
            outcome(sub { $c->eval("return redis.error_reply('MINE of a script')", 1, key('s')) }),
            outcome(sub { $c->get(key('s'), 'too', 'many') }),
        );
        same('value', $c->get(key('s')), 'GET');
        return join "\n", @seen;
    },
    'unknown command' => sub {
        my ($c) = @_;
        my $seen = outcome(sub { $c->nosuch(key('s')) });
        same('value', $c->get(key('s')), 'GET');
        return $seen;
    },
    WAIT   => sub { same(0, 0 + shift->wait(0, 10), 'WAIT') },
    SELECT => sub {
        my ($c) = @_;
        my $other = dial();
        same('OK', $other->select(1), 'SELECT');
        $other->set(key('db'), 'one');
        same('one', $other->get(key('db')), 'GET');
        $other->quit;
        same(undef, $c->get(key('db')), 'GET of what is in another database');
    },
    'reconnect after CLIENT KILL' => sub {
        my ($c) = @_;
        my $victim = dial(reconnect => 5, every => 10_000); # it does so if it is told for how long
        my $id = $victim->client_id;
        same(1, 0 + $c->client_kill('ID', $id), 'CLIENT KILL');
        my $got;
        for (1 .. 500) { # the library may show that once
            last if eval { $got = $victim->get(key('s')) };
            sleep 0.01;
        }
        same('value', $got, 'GET');
        die "the same connection\n" if $id == $victim->client_id;
        $victim->quit;
    },
    name => sub {
        my $named = dial(name => 'compat');
        same('compat', $named->client_getname, 'CLIENT GETNAME');
        $named->quit;
    },
    'server info' => sub { die "no redis_version in INFO\n" unless shift->info->{redis_version}; '' },
    concurrent    => sub {
        my ($c) = @_;
        my @clients = map { dial() } 1 .. 4;
        $clients[$_ % 4]->incr(key('shared')) for 1 .. 100;
        same('100', $c->get(key('shared')), 'GET');
        $_->quit for @clients;
    },
    quit => sub { shift->quit },
);

sub transaction {
    my ($c, @keys) = @_;
    $c->multi;
    $c->set($_, 'v') for @keys;
    same([('OK') x @keys], [$c->exec], 'EXEC');
}

sub report { print $json->encode({@_}), "\n" }

report(version => "$Redis::VERSION");
my $c = eval { dial() };
if ($@) {
    report(step => 'connect', error => "$@");
    exit 1; # nothing is tried after it
}
report(step => 'connect', saw => '');
while (my ($step, $body) = splice @steps, 0, 2) {
    my $saw = eval { $body->($c) };
    report(step => $step, $@ ? (error => "$@") : (saw => !defined $saw || $saw =~ /^(\d*|OK)$/ ? '' : $saw));
}
