/// Every limit of the roles, in one place. All are *chosen*: no peer depends on their values.
package enum TunnelLimits {
  // MARK: Relaying

  /// The most bytes taken from a socket in one read; the size of NIO's receive buffer.
  ///
  /// Four TLS records: larger reads win nothing once each record is sealed by itself.
  package static let socketReadBytes = 64 << 10

  /// The first guess at a read, and the smallest: what most requests and idle protocols need.
  package static let initialSocketReadBytes = 16 << 10
  package static let smallestSocketReadBytes = 1 << 10

  /// Reads of one socket in a row before other sockets get their turn.
  ///
  /// Also bounds what a stream may hand to its session after that asked for a pause: 256 KiB.
  package static let socketReadsPerTurn: UInt = 4

  /// Bytes waiting in a socket's write queue above which its stream is no longer read.
  ///
  /// Credit is given for bytes that were read, so this and the kernel's buffer are all that a
  /// client who stops reading can hold.
  package static let socketWriteHighWatermark = 128 << 10

  /// Bytes waiting in a socket's write queue below which its stream is read again.
  package static let socketWriteLowWatermark = 32 << 10

  /// Bytes that the kernel may hold for a client or target beyond what is on its way to it
  /// (`TCP_NOTSENT_LOWAT`).
  ///
  /// Chosen: a read's worth for each turn of a busy loop. Without it Linux holds 4 MiB for each one
  /// who does not read; a few hundred of them bring the whole machine's TCP to its memory limit.
  package static let socketUnsentBytes = 256 << 10

  /// Bytes taken from a stream at a time.
  package static let streamReadBytes = 64 << 10

  // MARK: Clients of the server

  /// A client's first bytes that are kept until the target was reached, so that another backend
  /// can be tried.
  ///
  /// The initial stream credit: more could not be sent before OPENED anyway.
  package static let keptFirstBytes = 64 << 10

  /// What is kept above that, because a socket gives more than it was asked for: NIO reads several
  /// times in a row, and reads all there is when the client half-closes.
  ///
  /// A client with more than both is closed while it waits for a provider: Linux takes 128 KiB
  /// from one that is not being read. When a backend was asked already, that attempt goes on and
  /// no other one is made.
  package static let keptUnaskedBytes = 256 << 10

  /// Clients that may wait for a provider at once, over all entries.
  package static let parkedClients = 1024

  /// How long a client waits for a provider by default.
  package static let parkingPatience: Duration = .seconds(30)

  /// Descriptors that clients may not use, the larger of a number and a share of all: links,
  /// listeners, storage, admin sockets.
  package static let reservedDescriptors = 64
  package static let reservedShare = 16

  /// Pending connections that the kernel queues for an entry.
  package static let acceptBacklog: Int32 = 1024

  // MARK: Entries

  /// How long a port that nobody claims is kept after the grace of its last provider ended.
  package static let unclaimedEntryPatience: Duration = .seconds(30)

  /// How long the `--listen` entry stays its user's after the grace of his last provider ended.
  ///
  /// Long, because it costs nothing; not for ever, because he may have lost his token meanwhile.
  package static let listenEntryPatience: Duration = .seconds(600)

  /// Ports that one user's providers may hold, those kept for a provider that is away included.
  ///
  /// Chosen: enough for one session's services, so that one token cannot use up the descriptors.
  package static let portsPerUser = 256

  /// Ports that all users may hold together. Chosen: an eighth of the usual descriptor limit.
  package static let ports = 1024

  /// Services that one session may register.
  package static let servicesPerSession = 256

  // MARK: Sessions

  /// Sessions of providers at once.
  package static let sessions = 4096

  /// Ended sessions that are remembered, so that a provider which comes back too late learns why it
  /// has to start anew; about 200 bytes each.
  package static let endedSessions = 4096

  /// Between looks for tokens that another process revoked: a revocation takes effect within a
  /// second.
  package static let revocationInterval: Duration = .milliseconds(500)

  /// How long the last bytes of clients may take to leave when a role stops.
  package static let flushPatience: Duration = .seconds(1)

  // MARK: Providers

  /// How long a target may take to accept a connection.
  package static let targetDialTimeout: Duration = .seconds(10)

  /// The first delay of the back-off; doubles with each failure.
  package static let firstRetryDelay: Duration = .milliseconds(50)

  /// The longest delay of the back-off.
  package static let longestRetryDelay: Duration = .seconds(10)

  /// The longest time between two attempts while there is a session without a healthy link
  /// (`PROTOCOL.md`, Resume): when the path returns, the kernel's own retransmission on the old
  /// link may be seconds away.
  package static let graceDialInterval: Duration = .milliseconds(500)

  /// Attempts under way at once; a new one then takes the place of the oldest.
  ///
  /// At two a second each gets 8 s, which is enough for TCP, TLS and HELLO at a round trip of 2 s.
  package static let overlappingAttempts = 16

  /// KCP's head start over TCP where either will do (RFC 8305's connection attempt delay).
  package static let fallbackDelay: Duration = .milliseconds(250)

  /// How long TCP waits for the answer to a HELLO over KCP where either will do: three round trips
  /// of a third of a second.
  package static let kcpAnswerTime: Duration = .seconds(1)

  /// A link that lasted at least this long was a success: the back-off starts afresh.
  package static let stableLinkAge: Duration = .seconds(5)

  /// Between looks whether the machine has slept, and at its addresses where the kernel does not
  /// tell of them.
  package static let networkLookInterval: Duration = .seconds(1)

  /// A change of the network is many messages of the kernel; those that follow one within this time
  /// count as one more change.
  package static let networkSettleTime: Duration = .milliseconds(250)

  /// A sleep shorter than this changes nothing; also what two clocks may differ.
  package static let sleepThreshold: Duration = .seconds(1)

  /// Bytes of the kernel's news taken at a time: several messages of about 1.5 KiB; a longer one
  /// would be cut.
  package static let networkReadBytes = 32 << 10

  /// Between attempts to register a service that was refused for a reason that may pass, such as a
  /// port in use.
  package static let registrationRetryDelay: Duration = .seconds(5)

  /// How long one attempt may take, from dialling to WELCOME.
  package static let attemptTime: Duration = .seconds(10)

  /// The time between PINGs while streams are open (`PROTOCOL.md`, Liveness).
  package static let busyHeartbeat: Duration = .seconds(2)

  /// The time between PINGs otherwise.
  package static let idleHeartbeat: Duration = .seconds(15)
}
