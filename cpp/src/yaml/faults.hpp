// The faults found so far. Readers add what is wrong at a value and read on, so
// that a user sees everything at once; positions, paths and source lines are
// worked out at the end, for the faults that are shown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "knockwork/diagnostic.hpp"
#include "values/fault.hpp"
#include "yaml/document.hpp"

namespace knockwork::spec {

class Faults {
 public:
  static constexpr std::size_t kShown = 100;

  void at(const Value& value, Fault fault);
  void at(const Document& document, std::size_t offset, std::size_t bytes, Fault fault);
  void in(const Document& document, Fault fault);  // the document as a whole

  bool empty() const { return found_.empty(); }
  std::size_t count() const { return found_.size(); }

  // Where they are in a document, sorted; those of the document as a whole left out.
  std::vector<std::size_t> offsets(const Document& document) const;

  // In the order of sources and places; a last one counts those beyond kShown.
  Diagnostics diagnostics() const;

 private:
  struct Found {
    const Document* document;
    bool whole;
    std::size_t offset, bytes;
    Value value;
    Fault fault;
  };
  static Diagnostic materialise(const Found& found);
  std::vector<Found> found_;
};

}  // namespace knockwork::spec
