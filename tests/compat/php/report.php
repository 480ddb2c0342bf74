<?php
// What every program here prints: one JSON object a line for each step, {"step", "saw"} or {"step", "error"}. "saw" is what the
// library made of a reply, for the Go test to compare between a server and the proxy before it.
declare(strict_types=1);

error_reporting(E_ALL);
set_error_handler(function (int $level, string $text): bool {
    if ($level === E_DEPRECATED) {
        return true; // an older library under a newer PHP
    }
    throw new ErrorException($text);
});

/** PHP's "ssl" context options if the target speaks TLS, null if it does not. */
function tls(): ?array
{
    if (!getenv('COMPAT_TLS_CA')) {
        return null;
    }
    $options = ['cafile' => getenv('COMPAT_TLS_CA')];
    if (getenv('COMPAT_TLS_CERT')) {
        $options += ['local_cert' => getenv('COMPAT_TLS_CERT'), 'local_pk' => getenv('COMPAT_TLS_KEY')];
    }
    return $options;
}

function printStep(string $step, array $more): void
{
    echo json_encode(['step' => $step] + $more, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
    flush();
}

function same(mixed $want, mixed $got, string $what): void
{
    if ($want !== $got) {
        throw new UnexpectedValueException($what . ' = ' . substr(show($got), 0, 200) . '; want ' . substr(show($want), 0, 200));
    }
}

/** Renders a value with its types, in one line. */
function show(mixed $v): string
{
    if ($v instanceof Stringable) {
        return get_class($v) . '(' . $v . ')';
    }
    return is_object($v) ? get_class($v) : preg_replace('/\s+/', ' ', var_export($v, true));
}

/** Runs the steps in their order. The first one connects: nothing is tried after it failed. */
function run(string $version, array $steps): void
{
    echo json_encode(['version' => $version]), "\n";
    foreach ($steps as $step => $body) {
        try {
            printStep($step, ['saw' => $body() ?? '']);
        } catch (Throwable $e) {
            printStep($step, ['error' => get_class($e) . ': ' . $e->getMessage()]);
            if ($step === 'connect') {
                exit(1);
            }
        }
    }
}

/** The version of a package of Debian, for what does not know its own. */
function debian(string $package): string
{
    $version = shell_exec("dpkg-query --show --showformat '\${source:Upstream-Version}' " . escapeshellarg($package));
    return is_string($version) && $version !== '' ? preg_replace('/\+.*/', '', $version) : '?';
}
