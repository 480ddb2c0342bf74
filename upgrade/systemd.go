package upgrade

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// The functions in this file tell systemd (Type=notify) of this process. Where nobody listens they do nothing. Only the
// main process is listened to (NotifyAccess=main), so a successor's first word comes after NotifyReplaced.
//
// Source: sd_notify(3), sd_watchdog_enabled(3).

// NotifyReady says that the process serves, after it started, after a reload, and after an upgrade that failed.
func NotifyReady() error { return notify(daemon.SdNotifyReady) }

// NotifyReloading says that the configuration is being loaded anew, or a successor is being started. NotifyReady or
// NotifyReplaced must follow.
func NotifyReloading() error {
	return notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
}

// NotifyStopping says that the process drains and will end. One that was replaced does not say so.
func NotifyStopping() error { return notify(daemon.SdNotifyStopping) }

// NotifyReplaced says that the process with that pid serves in this one's place. Call it right after Successor.Commit.
func NotifyReplaced(pid int) error {
	return notify(fmt.Sprintf("MAINPID=%d\n%s", pid, daemon.SdNotifyReady))
}

func notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("upgrade: telling systemd: %w", err)
	}
	return nil
}

// Watchdog tells systemd twice in each WATCHDOG_USEC that the process is well, if alive returns nil within that half. It
// returns when ctx ends, or at once if no watchdog is wanted. What went wrong, alive's error or systemd's, goes to failed.
func Watchdog(ctx context.Context, alive func(context.Context) error, failed func(error)) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		failed(fmt.Errorf("upgrade: watchdog: %w", err))
	}
	if every == 0 {
		return
	}
	ticker := time.NewTicker(every / 2)
	defer ticker.Stop()
	for {
		if err := pat(ctx, every/2, alive); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func pat(ctx context.Context, within time.Duration, alive func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := alive(ctx); err != nil {
		return fmt.Errorf("upgrade: watchdog: %w", err)
	}
	return notify(daemon.SdNotifyWatchdog)
}
