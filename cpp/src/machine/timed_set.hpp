// A dynamic set as the kernel has them: elements that expire, and a size.
//
// The kernel counts an expired element until it collects it, about once a
// second; here an expired element is gone at once. So the kernel's set may be
// full a moment longer than this one, never shorter.
#pragma once

#include <cstdint>
#include <map>

#include "machine/packet.hpp"

namespace knockwork {

template <typename Key>
class TimedSet {
 public:
  // When the element expires; `now` itself where it is not in the set.
  Instant until(const Key& key, Instant now) const {
    const auto found = elements_.find(key);
    return found == elements_.end() || found->second <= now ? now : found->second;
  }
  bool has(const Key& key, Instant now) const { return until(key, now) > now; }

  // Adds or refreshes, also to a shorter time. False where there is no room.
  bool update(const Key& key, Instant now, Instant until, std::uint32_t size) {
    if (elements_.size() >= size) collect(now);
    if (elements_.size() >= size && !elements_.contains(key)) return false;
    elements_[key] = until;
    return true;
  }

  // Forgets what has expired.
  void collect(Instant now) {
    std::erase_if(elements_, [now](const auto& element) { return element.second <= now; });
  }

  // Every element and its expiry, expired ones perhaps among them.
  const std::map<Key, Instant>& elements() const { return elements_; }

  bool operator==(const TimedSet&) const = default;

 private:
  std::map<Key, Instant> elements_;
};

}  // namespace knockwork
