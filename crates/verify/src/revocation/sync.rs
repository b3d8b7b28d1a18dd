//! What the threads share the revocations by. With the configuration `shuttle` a scheduler sees each access.

#[cfg(not(shuttle))]
pub(super) use std::sync::Mutex;
#[cfg(all(not(shuttle), feature = "ended"))]
pub(super) use std::sync::MutexGuard;

#[cfg(not(shuttle))]
pub(super) use arc_swap::ArcSwap;
#[cfg(shuttle)]
pub(super) use shuttle::sync::Mutex;
#[cfg(all(shuttle, feature = "ended"))]
pub(super) use shuttle::sync::MutexGuard;

#[cfg(shuttle)]
pub(super) use self::scheduled::ArcSwap;

#[cfg(shuttle)]
mod scheduled {
    use std::sync::Arc;

    use shuttle::sync::Mutex;

    /// A pointer that is replaced as a whole, as `arc_swap::ArcSwap`: each access is one step.
    pub(in crate::revocation) struct ArcSwap<T>(Mutex<Arc<T>>);

    impl<T> ArcSwap<T> {
        pub(in crate::revocation) fn from_pointee(value: T) -> Self {
            Self(Mutex::new(Arc::new(value)))
        }

        pub(in crate::revocation) fn load(&self) -> Arc<T> {
            Arc::clone(&self.0.lock().expect("no step panics"))
        }

        pub(in crate::revocation) fn store(&self, value: Arc<T>) {
            *self.0.lock().expect("no step panics") = value;
        }
    }
}
