#include "import/command/shell.hpp"

namespace knockwork {
namespace {

constexpr const char* kExpansion = "the shell fills in a part of the command";
constexpr const char* kQuote = "a quote in the command is never closed";
constexpr const char* kPlumbing = "the command has a pipe, a redirection or a subshell";

using Fault = tl::unexpected<std::string>;

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  tl::expected<std::vector<Command>, std::string> all() {
    while (!text_.empty() && fault_.empty()) take();
    end_command();
    if (!fault_.empty()) return Fault(fault_);
    return std::move(commands_);
  }

 private:
  char next() {
    const char byte = text_.front();
    text_.remove_prefix(1);
    return byte;
  }

  void take() {
    const char byte = next();
    if (byte == ' ' || byte == '\t' || byte == '\r') return end_word();
    if (byte == ';' || byte == '\n') return end_command();
    if (byte == '&' || byte == '|') return take_operator(byte);
    if (byte == '#' && !in_word_) return text_.remove_prefix(text_.size());
    if (byte == '>') return take_redirection();
    if (byte == '<' || byte == '(' || byte == ')') return fail(kPlumbing);
    in_word_ = true;
    take_part(byte);
  }

  void take_part(char byte) {
    if (byte == '\'' || byte == '"') return take_quoted(byte);
    if (byte == '$' || byte == '`' || byte == '*' || byte == '?') return fail(kExpansion);
    if (byte != '\\') return word_.push_back(byte);
    if (text_.empty()) return fail(kQuote);
    word_ += next();
  }

  void take_quoted(char quote) {
    while (!text_.empty()) {
      char byte = next();
      if (byte == quote) return;
      if (quote == '"' && (byte == '$' || byte == '`')) return fail(kExpansion);
      if (quote == '"' && byte == '\\' && !text_.empty()) byte = next();
      word_ += byte;
    }
    fail(kQuote);
  }

  void take_operator(char byte) {
    const bool twice = text_.starts_with(byte);
    if (byte == '|' && !twice) return fail(kPlumbing);
    if (twice) next();
    end_command();
    if (commands_.empty()) return;
    if (twice) runs_ = byte == '&' ? Command::Runs::on_success : Command::Runs::on_failure;
    if (!twice) commands_.back().is_waited_for = false;
  }

  // "> /dev/null", "2>&1"; the number before it is the word so far.
  void take_redirection() {
    if (in_word_ && word_.find_first_not_of("0123456789") == std::string::npos) {
      word_.clear();
      in_word_ = false;
    }
    end_word();
    if (text_.starts_with('>')) next();
    while (text_.starts_with(' ')) next();
    for (const std::string_view nowhere : {"/dev/null", "&1", "&2"}) {
      if (!text_.starts_with(nowhere)) continue;
      text_.remove_prefix(nowhere.size());
      return;
    }
    fail(kPlumbing);
  }

  void end_word() {
    if (in_word_) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  void end_command() {
    end_word();
    if (words_.empty()) return;
    commands_.push_back({std::move(words_), runs_});
    words_.clear();
    runs_ = Command::Runs::always;
  }

  void fail(const char* why) { fault_ = why; }

  std::string_view text_;
  std::string word_;
  bool in_word_ = false;
  Words words_;
  Command::Runs runs_ = Command::Runs::always;  // the next one
  std::vector<Command> commands_;
  std::string fault_;
};

}  // namespace

tl::expected<std::vector<Command>, std::string> split_commands(std::string_view text) {
  return Splitter(text).all();
}

}  // namespace knockwork
