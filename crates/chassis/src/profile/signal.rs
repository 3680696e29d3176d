//! Stacks from a timer signal.
//!
//! The kernel sends SIGPROF at intervals of the process's CPU time, to a thread that is running; the
//! handler writes that thread's return addresses into a preallocated table. The table is in zeroed
//! static memory, so it costs nothing until the first profile, and then some hundred kilobytes. A
//! library was tried and kept 230 MB resident after the first profile, in a process of 12 MB whose
//! memory is evidence.
#![expect(
    unsafe_code,
    reason = "signal handlers and the unwinder have no safe interface"
)]

use std::{
    io,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// Number of innermost addresses kept of a stack. Async stacks are deep, and the outermost frames belong
/// to the runtime.
const DEPTH: usize = 64;
/// Maximum number of stacks in a profile: a minute on two CPUs at the sampler's frequency.
const STACKS: usize = 12_288;

static TABLE: [AtomicUsize; DEPTH * STACKS] = [const { AtomicUsize::new(0) }; DEPTH * STACKS];
static NEXT: AtomicUsize = AtomicUsize::new(0);
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Samples from its start to its end. Only one exists at a time.
#[derive(Debug)]
pub(super) struct Sampling(());

impl Sampling {
    /// Starts sampling, `frequency` times per second of CPU time. `None` if a profile is already in progress.
    pub(super) fn start(frequency: u32) -> io::Result<Option<Self>> {
        if IS_ON.swap(true, Ordering::SeqCst) {
            return Ok(None);
        }
        let sampling = Self(());
        let used = NEXT.load(Ordering::SeqCst).min(STACKS) * DEPTH;
        for address in &TABLE[..used] {
            address.store(0, Ordering::Relaxed);
        }
        NEXT.store(0, Ordering::SeqCst);
        install_handler()?;
        set_timer(1_000_000 / i64::from(frequency))?;
        Ok(Some(sampling))
    }

    /// Stops and returns the stacks, innermost address first.
    pub(super) fn finish(self) -> Vec<Vec<usize>> {
        // If this fails the signals continue, and the handler ignores them.
        let _ = set_timer(0);
        let count = NEXT.load(Ordering::SeqCst).min(STACKS);
        let stacks = TABLE[..count * DEPTH].chunks(DEPTH).map(|stack| {
            let addresses = stack.iter().map(|address| address.load(Ordering::Relaxed));
            addresses.take_while(|address| *address != 0).collect()
        });
        stacks.collect()
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        // Also when a profile is cancelled.
        let _ = set_timer(0);
        IS_ON.store(false, Ordering::SeqCst);
    }
}

fn install_handler() -> io::Result<()> {
    // SAFETY: a zeroed `sigaction` is an empty one; the handler has the signature that SA_SIGINFO
    // asks for and does only what a signal handler may: atomics and unwinding.
    let outcome = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let handler: extern "C" fn(_, _, _) = on_signal;
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigaction(libc::SIGPROF, &raw const action, std::ptr::null_mut())
    };
    to_result(outcome)
}

/// Sends a signal every `micros` of CPU time; zero stops it.
fn set_timer(micros: i64) -> io::Result<()> {
    let time = libc::timeval {
        tv_sec: 0,
        tv_usec: micros,
    };
    let timer = libc::itimerval {
        it_interval: time,
        it_value: time,
    };
    // SAFETY: the timer is a valid value that outlives the call.
    let outcome =
        unsafe { libc::setitimer(libc::ITIMER_PROF, &raw const timer, std::ptr::null_mut()) };
    to_result(outcome)
}

fn to_result(outcome: libc::c_int) -> io::Result<()> {
    if outcome == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

extern "C" fn on_signal(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    if !IS_ON.load(Ordering::Relaxed) {
        return;
    }
    let slot = NEXT.fetch_add(1, Ordering::Relaxed);
    if slot >= STACKS {
        return;
    }
    let stack = &TABLE[slot * DEPTH..(slot + 1) * DEPTH];
    // SAFETY: the kernel gives a handler installed with SA_SIGINFO a valid context.
    let interrupted = unsafe { program_counter(context) };
    // Readers of a profile subtract one from every address, because all others are return addresses,
    // which point behind their calls.
    stack[0].store(interrupted + 1, Ordering::Relaxed);
    // SAFETY: errno belongs to this thread; the interrupted code must find it unchanged.
    let errno = unsafe { *libc::__errno_location() };
    let mut depth = 0;
    // SAFETY: the tables that the unwinder reads are found without a lock since glibc 2.35, and
    // the closure only stores into static memory.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            let address = frame.ip() as usize;
            // The handler's own frames come first, up to the interrupted one.
            if depth > 0 {
                stack[depth].store(address, Ordering::Relaxed);
                depth += 1;
            } else if address == interrupted {
                depth = 1;
            }
            depth < DEPTH
        });
        *libc::__errno_location() = errno;
    }
}

/// The address that the thread was executing when the signal came; zero if unknown.
///
/// # Safety
///
/// `context` is the one that the kernel gave to a signal handler.
unsafe fn program_counter(context: *mut libc::c_void) -> usize {
    let context = context.cast::<libc::ucontext_t>();
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as the caller says.
    let counter = unsafe { (*context).uc_mcontext.gregs[libc::REG_RIP as usize] as usize };
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as the caller says.
    let counter = unsafe { (*context).uc_mcontext.pc as usize };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let counter = {
        let _ = context;
        0
    };
    counter
}
