package import HawserPrimitives
import Synchronization

extension LinkID {
  /// A number that no other link of this process has or had.
  package static func next() -> LinkID {
    LinkID(counter.wrappingAdd(1, ordering: .relaxed).newValue)
  }

  private static let counter = Atomic<UInt64>(0)
}
