import CFuzzDriver
import Glibc
import HawserFuzzEntry

/// Which decoder to drive: a name of ``FuzzTarget``. In the environment, because libFuzzer starts
/// itself anew with arguments of its own.
private let target: FuzzTarget? = getenv("HAWSER_FUZZ_TARGET")
  .flatMap { FuzzTarget(rawValue: String(cString: $0)) }

/// SwiftPM links an executable so that `main` is `<target>_main`.
@_cdecl("Fuzz_main")
func runFuzzer(
  _ argumentCount: Int32,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  guard target != nil else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    print("HAWSER_FUZZ_TARGET has to be one of \(names)")
    return 64
  }
  var argumentCount = argumentCount
  var arguments = arguments
  return LLVMFuzzerRunDriver(&argumentCount, &arguments) { data, size in
    let input = Array(UnsafeBufferPointer(start: data, count: size))
    if let complaint = target?.complaint(about: input) {
      // A trap is what libFuzzer keeps the input for.
      fatalError(complaint)
    }
    return 0
  }
}
