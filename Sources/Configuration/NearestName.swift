/// The one of `names` that `word` is most probably a misspelling of.
///
/// - Returns: `nil` when more than a third of the longer word would have to change.
/// - Complexity: O(names × word²).
package func nearestName(to word: String, in names: some Sequence<String>) -> String? {
  let candidates = names.map { (name: $0, distance: editDistance(from: word, to: $0)) }
  guard let best = candidates.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }) else {
    return nil
  }
  return best.distance * 3 <= max(word.count, best.name.count) ? best.name : nil
}

/// The number of characters to insert, remove, replace or swap with the next one (Damerau's
/// distance, optimal string alignment) that turn `start` into `goal`. Upper and lower case, and
/// `_` and `-`, are the same.
func editDistance(from start: String, to goal: String) -> Int {
  let start = normalized(start)
  let goal = normalized(goal)
  var beforeLast: [Int] = []
  var last = Array(0...goal.count)
  for row in start.indices {
    var current = [row + 1]
    for column in goal.indices {
      let replacing = last[column] + (start[row] == goal[column] ? 0 : 1)
      var distance = min(replacing, last[column + 1] + 1, current[column] + 1)
      if row > 0, column > 0, start[row] == goal[column - 1], start[row - 1] == goal[column] {
        distance = min(distance, beforeLast[column - 1] + 1)
      }
      current.append(distance)
    }
    beforeLast = last
    last = current
  }
  return last[goal.count]
}

private func normalized(_ word: String) -> [Character] {
  word.lowercased().map { $0 == "_" ? "-" : $0 }
}
