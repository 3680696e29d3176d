//! Stacks from a timer signal.
//!
//! The kernel sends SIGPROF after every so much CPU time of the process, to a thread that is using
//! it; the handler writes that thread's return addresses into a table that was there before. The
//! table lies in zeroed static memory, so that it costs nothing until a profile is made, and some
//! hundred kilobytes then. A ready-made sampler was tried and kept 230 MB resident for its own
//! tables after the first profile, in a process of 12 MB whose memory is evidence.
#![expect(
    unsafe_code,
    reason = "signal handlers and the unwinder have no safe interface"
)]

use std::{
    io,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// Innermost addresses kept of a stack. Async stacks are deep; the outermost frames are the
/// runtime's and say little.
const DEPTH: usize = 64;
/// Stacks of one profile: a minute on two CPUs at the sampler's frequency.
const STACKS: usize = 12_288;

static TABLE: [AtomicUsize; DEPTH * STACKS] = [const { AtomicUsize::new(0) }; DEPTH * STACKS];
static NEXT: AtomicUsize = AtomicUsize::new(0);
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Samples from its making to its end. There is one at a time.
#[derive(Debug)]
pub(super) struct Sampling(());

impl Sampling {
    /// Begins to sample, `frequency` times per second of CPU time. `None` where somebody else does.
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

    /// Ends and gives the stacks, innermost address first.
    pub(super) fn finish(self) -> Vec<Vec<usize>> {
        // Without it the signals go on, and the handler is still a handler that does no harm.
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
        // Also where a profile was given up half-way.
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

/// A signal every `micros` of CPU time; none for zero.
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
    // Readers of a profile take one off every address, because all but this one are return
    // addresses, which lie behind their calls.
    stack[0].store(interrupted + 1, Ordering::Relaxed);
    // SAFETY: errno belongs to this thread; what it was interrupted in must find it as it was.
    let errno = unsafe { *libc::__errno_location() };
    let mut depth = 0;
    // SAFETY: the tables that the unwinder reads are found without a lock since glibc 2.35, and
    // the closure only stores into static memory.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            let address = frame.ip() as usize;
            // The handler's own frames come first; the interrupted one ends them.
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

/// Where the thread was when the signal came; zero where that is not known.
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
