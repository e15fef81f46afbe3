/// Which of the newest packet numbers have been seen (RFC 6479).
///
/// A ring of blocks of 64 bits: a number belongs to the block that its upper bits name modulo the
/// number of blocks. Going forward clears the blocks in between, so that nothing is ever shifted.
/// It changes only by ``insert(_:)``, which is for numbers whose tag was right.
struct ReplayWindow {
  /// How far below the highest number others are still told apart: a block less than the ring has.
  static let span: UInt64 = (blockCount - 1) * 64
  /// 256 blocks, 2 KiB: at 1 Gbit/s of full datagrams more than 150 ms of reordering.
  private static let blockCount: UInt64 = 256

  private var blocks = [UInt64](repeating: 0, count: Int(blockCount))
  /// The highest number inserted.
  private(set) var highest: UInt64?

  /// What is known of a number.
  enum Verdict {
    case fresh
    case seen
    case tooOld
  }

  /// Looks a number up; changes nothing.
  func verdict(on number: UInt64) -> Verdict {
    guard let highest, number <= highest else { return .fresh }
    guard highest - number < Self.span else { return .tooOld }
    let block = blocks[Int((number >> 6) % Self.blockCount)]
    return block & (1 << (number & 63)) == 0 ? .fresh : .seen
  }

  /// Remembers a number on which the verdict was ``Verdict/fresh``.
  mutating func insert(_ number: UInt64) {
    let block = number >> 6
    if let highest {
      if number > highest {
        let newest = highest >> 6
        let cleared = min(block - newest, Self.blockCount)
        for offset in 0..<cleared { blocks[Int((block - offset) % Self.blockCount)] = 0 }
        self.highest = number
      }
    } else {
      highest = number
    }
    blocks[Int(block % Self.blockCount)] |= 1 << (number & 63)
  }
}
