/// Writes metrics in Prometheus' text format, version 0.0.4.
package struct PrometheusText: Sendable {
  /// The `Content-Type` of the format.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// The kinds of metric that we have.
  package enum MetricType: String, Sendable {
    case counter, gauge
  }

  /// One value of a metric.
  package struct Sample: Sendable {
    package var labels: [(name: String, value: String)]
    package var value: Double

    package init(_ value: Double, labels: [(name: String, value: String)] = []) {
      self.labels = labels
      self.value = value
    }
  }

  /// What was written so far.
  package private(set) var text = ""

  package init() {}

  /// Adds a metric with all of its samples; one without samples is left out.
  ///
  /// - Parameters:
  ///   - name: Unique in the text; matches `[a-zA-Z_:][a-zA-Z0-9_:]*`, as label names do without
  ///     the colon.
  ///   - type: Whether it only grows.
  ///   - help: A sentence for people.
  ///   - samples: The values, each with other labels.
  package mutating func add(
    _ name: String,
    _ type: MetricType,
    help: String,
    samples: [Sample]
  ) {
    guard !samples.isEmpty else { return }
    text += "# HELP \(name) \(Self.escapedHelp(help))\n# TYPE \(name) \(type.rawValue)\n"
    for sample in samples {
      text += "\(name)\(Self.labels(sample.labels)) \(Self.number(sample.value))\n"
    }
  }

  private static func labels(_ labels: [(name: String, value: String)]) -> String {
    guard !labels.isEmpty else { return "" }
    let pairs = labels.map { "\($0.name)=\"\(escapedLabel($0.value))\"" }
    return "{\(pairs.joined(separator: ","))}"
  }

  private static func escapedHelp(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
  }

  private static func escapedLabel(_ text: String) -> String {
    escapedHelp(text).replacing("\"", with: "\\\"")
  }

  /// Whole numbers without a fraction; Prometheus' names of what is no number.
  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}
