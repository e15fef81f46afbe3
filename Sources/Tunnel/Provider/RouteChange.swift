package import struct NIOCore.ByteBuffer

/// What the kernel tells of the machine's network (Linux: rtnetlink(7)). Pure.
package enum RouteChange: Sendable, Hashable {
  /// The state of an interface, as far as it matters.
  package struct LinkState: Sendable, Hashable {
    /// It is switched on.
    package var isUp: Bool
    /// There is a carrier: the cable is in, the mobile network is joined.
    package var isRunning: Bool

    package init(isUp: Bool, isRunning: Bool) {
      self.isUp = isUp
      self.isRunning = isRunning
    }
  }

  /// A way to other machines came or went.
  case route
  /// An address came or went, or was renewed.
  case address
  /// An interface came, went, or tells its state.
  case link(index: Int32, LinkState)
}

extension RouteChange {
  /// Reads what one read of the socket gave: `nlmsghdr`, a structure that depends on its type, and
  /// attributes, in the machine's byte order; messages begin at multiples of four.
  ///
  /// - Parameter messages: Whole messages; what is cut short or of other types is left out.
  /// - Returns: In their order.
  package static func parse(_ messages: ByteBuffer) -> [RouteChange] {
    var rest = messages
    var changes: [RouteChange] = []
    while let length: UInt32 = rest.getInteger(at: rest.readerIndex, endianness: .host),
      length >= headerBytes, var message = rest.readSlice(length: Int(length))
    {
      rest.moveReaderIndex(forwardBy: min((4 - Int(length) % 4) % 4, rest.readableBytes))
      message.moveReaderIndex(forwardBy: 4)
      guard let type: UInt16 = message.readInteger(endianness: .host) else { break }
      message.moveReaderIndex(to: message.readerIndex + headerBytes - 6)
      if let change = RouteChange(type: type, body: message) { changes.append(change) }
    }
    return changes
  }

  private static let headerBytes = 16

  private init?(type: UInt16, body: ByteBuffer) {
    switch type {
    case MessageType.newLink, MessageType.deletedLink:
      // struct ifinfomsg: family u8, padding u8, type u16, index i32, flags u32, …
      guard let index: Int32 = body.getInteger(at: body.readerIndex + 4, endianness: .host),
        let flags: UInt32 = body.getInteger(at: body.readerIndex + 8, endianness: .host)
      else { return nil }
      let isThere = type == MessageType.newLink
      let state = LinkState(
        isUp: isThere && flags & 0x1 != 0,  // IFF_UP
        isRunning: isThere && flags & 0x40 != 0  // IFF_RUNNING
      )
      self = .link(index: index, state)
    case MessageType.newAddress, MessageType.deletedAddress:
      self = .address
    case MessageType.newRoute, MessageType.deletedRoute:
      // struct rtmsg: eight fields of u8, of which the last is the type, flags u32.
      guard let routeType: UInt8 = body.getInteger(at: body.readerIndex + 7) else { return nil }
      // Local, broadcast and multicast ones come with addresses.
      guard routeType == 1 else { return nil }  // RTN_UNICAST
      self = .route
    default:
      return nil
    }
  }

  /// `RTM_…` of linux/rtnetlink.h.
  private enum MessageType {
    static let newLink: UInt16 = 16
    static let deletedLink: UInt16 = 17
    static let newAddress: UInt16 = 20
    static let deletedAddress: UInt16 = 21
    static let newRoute: UInt16 = 24
    static let deletedRoute: UInt16 = 25
  }
}
