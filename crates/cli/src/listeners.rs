//! The sockets of a server: bound before the store is opened, listening only when the server is ready.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::error::CliError;

/// How often another free port is tried, if the one that the system chose for one address is in use at the other.
const MAX_ATTEMPTS: usize = 16;

/// Binds the address, and returns it with the actual port. The socket does not listen yet: until the server is ready, a
/// client is refused at once and does not wait.
///
/// # Errors
///
/// If another program listens there, so that the second start of a server fails before it touches anything.
pub(crate) fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), CliError> {
    bind_socket(address).map_err(|error| cannot_listen(address, &error))
}

/// Binds the address, and the same port of the other address that `localhost` can mean: `127.0.0.1` and `::1`. A program
/// resolves the name to either of them.
///
/// # Errors
///
/// If another program listens at one of them: `localhost` would mean that program to some clients. A machine without one
/// of the two address families is no error.
pub(crate) fn bind_localhost(address: SocketAddr) -> Result<(Vec<TcpListener>, SocketAddr), CliError> {
    let mut attempts = 1..=MAX_ATTEMPTS;
    loop {
        let (first, bound) = bind(address)?;
        let Some(other) = counterpart(bound) else { return Ok((vec![first], bound)) };
        match bind_socket(other) {
            Ok((second, _)) => return Ok((vec![first, second], bound)),
            Err(error) if error.kind() != ErrorKind::AddrInUse => return Ok((vec![first], bound)),
            Err(_) if address.port() == 0 && attempts.next().is_some() => {}
            Err(error) => return Err(cannot_listen(other, &error)),
        }
    }
}

/// The other address that `localhost` can mean, if `address` is one of the two.
fn counterpart(address: SocketAddr) -> Option<SocketAddr> {
    let ip: IpAddr = match address.ip() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V4(_) | IpAddr::V6(_) => return None,
    };
    Some((ip, address.port()).into())
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> CliError {
    CliError::with_cause(&format!("cannot listen on {address}"), error)
        .with_hint("set another address; port 0 picks a free port, as in --listen 127.0.0.1:0")
}

fn bind_socket(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    // A restart must not wait for the connections of the former process. A socket that listens keeps others out anyway.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    let listener = TcpListener::from(socket);
    let address = listener.local_addr()?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use counterfoil_test_support::{NotHere, skip_not_here};

    use super::*;

    #[test]
    fn a_bound_socket_refuses_connections_until_it_listens() {
        let (listener, address) = bind_socket(([127, 0, 0, 1], 0).into()).unwrap();

        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        rustix::net::listen(&listener, 16).unwrap();
        assert!(TcpStream::connect(address).is_ok());
    }

    #[test]
    fn an_address_at_which_a_program_listens_cannot_be_bound() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();

        let error = bind_socket(other.local_addr().unwrap()).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn localhost_is_both_loopback_addresses() {
        if TcpListener::bind("[::1]:0").is_err() {
            return skip_not_here(NotHere::Ipv6);
        }
        let (listeners, address) = bind_localhost(([127, 0, 0, 1], 0).into()).unwrap();

        let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        assert_eq!(addresses, [address, counterpart(address).unwrap()]);
        assert_eq!(counterpart(([127, 0, 0, 2], 80).into()), None);
    }
}
