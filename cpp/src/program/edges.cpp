#include "program/edges.hpp"

#include <string>
#include <unordered_set>

#include "crypto/crypto.hpp"

namespace knockwork {
namespace {

// Name and knocks with unambiguous borders: a name holds no newline. Of a token no more than name and serial
// count, so that one which is in the table leads to the same sequence whatever else changes.
std::string content(const Sequence& sequence) {
  std::string text = sequence.name + '\n';
  if (sequence.token) return text + "token " + std::to_string(sequence.token->serial);
  for (const Knock& knock : sequence.knock) {
    text += static_cast<char>(knock.protocol);
    text += static_cast<char>(knock.port >> 8);
    text += static_cast<char>(knock.port & 0xff);
  }
  return text;
}

EdgeId hash(const std::string& content, std::size_t step, unsigned attempt) {
  const crypto::Digest digest =
      crypto::sha256(content + '\n' + std::to_string(step) + '\n' + std::to_string(attempt));
  return (EdgeId{digest[0]} << 24) | (EdgeId{digest[1]} << 16) | (EdgeId{digest[2]} << 8) | EdgeId{digest[3]};
}

}  // namespace

std::vector<std::vector<EdgeId>> number_edges(const std::vector<Sequence>& sequences) {
  std::vector<std::vector<EdgeId>> numbers;
  numbers.reserve(sequences.size());
  std::unordered_set<EdgeId> taken{0, 0xffffffff};  // nftables has names for these two: "none", "root"
  for (const Sequence& sequence : sequences) {
    const std::string text = content(sequence);
    std::vector<EdgeId>& edges = numbers.emplace_back();
    const std::size_t steps = sequence.token ? 1 : sequence.knock.size();
    for (std::size_t step = 0; step < steps; ++step) {
      EdgeId id = 0;
      for (unsigned attempt = 0; !taken.insert(id = hash(text, step, attempt)).second; ++attempt) {
      }
      edges.push_back(id);
    }
  }
  return numbers;
}

}  // namespace knockwork
