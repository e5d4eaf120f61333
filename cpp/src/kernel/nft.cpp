#include "kernel/nft.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>

#include "kernel/libraries/libnftables.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {
namespace {

constexpr std::chrono::hours kAnyTime{1};

struct ContextDeleter {
  void operator()(nft_ctx* context) const { libnftables().ctx_free(context); }
};
using Context = std::unique_ptr<nft_ctx, ContextDeleter>;

Context open_context(Elements elements) {
  Context context(libnftables().ctx_new(NFT_CTX_DEFAULT));
  if (!context) throw SystemError("libnftables does not start (out of memory?)");
  // Numbers for protocols: names depend on /etc/protocols, which may be missing.
  constexpr unsigned kNumeric = NFT_CTX_OUTPUT_NUMERIC_PROTO;
  libnftables().ctx_output_set_flags(
      context.get(), elements == Elements::shown ? kNumeric : kNumeric | NFT_CTX_OUTPUT_TERSE);
  libnftables().ctx_buffer_output(context.get());
  libnftables().ctx_buffer_error(context.get());
  return context;
}

struct Answer {
  bool ended = false;  // its process came to the end of its work
  bool done = false;
  int left = 0;      // errno, where nothing was said
  std::string text;  // what was printed, or its errors
};

enum class Keep { all, nothing };

// All of the following in the other process.

using Run = std::function<int(nft_ctx*)>;

Answer run(const Run& command, Elements elements, Keep keep) {
  Answer answer{true, true, 0, ""};
  const Context context = open_context(elements);
  libnftables().ctx_set_dry_run(context.get(), keep == Keep::nothing);
  errno = 0;
  answer.done = command(context.get()) == 0;
  answer.left = errno;
  answer.text = answer.done ? libnftables().ctx_get_output_buffer(context.get())
                            : libnftables().ctx_get_error_buffer(context.get());
  return answer;
}

// One after the other, up to the first that fails.
Answer run(const std::vector<std::string>& commands, Elements elements, Keep keep) {
  Answer all{true, true, 0, ""};
  for (const std::string& command : commands) {
    Answer answer =
        run([&](nft_ctx* context) { return libnftables().run_cmd_from_buffer(context, command.c_str()); },
            elements, keep);
    if (!answer.done) return answer;
    all.text += answer.text;
  }
  return all;
}

// What goes from one process to the other.
std::string written(const Answer& answer) {
  return fmt::format("{}{}\n{}", answer.done ? '+' : '-', answer.left, answer.text);
}

// In this one.
Answer heard(const std::function<std::string()>& other) {
  std::string said;
  try {
    said = other();
  } catch (const Broken&) {
    return {};
  }
  const std::size_t line = said.find('\n');
  Answer answer{true, said.front() == '+', std::atoi(said.c_str() + 1), ""};
  said.erase(0, line + 1);
  answer.text = std::move(said);
  return answer;
}

Answer ask(const std::vector<std::string>& commands, Elements elements, Keep keep,
           std::chrono::milliseconds longest) {
  libnftables();  // says here where there is none
  return heard([&] { return apart([&] { return written(run(commands, elements, keep)); }, longest); });
}

// What libnftables says without where it says it.
std::string reason(std::string_view error) {
  std::string text;
  while (!error.empty()) {
    const std::string_view line = error.substr(0, error.find('\n'));
    error.remove_prefix(std::min(line.size() + 1, error.size()));
    const std::size_t at = line.find("Error: ");
    if (at == std::string_view::npos) continue;
    if (!text.empty()) text += "; ";
    text += line.substr(at + 7);
    if (text.size() > 300) break;
  }
  return text;
}

std::string reason(const Answer& answer) {
  if (!answer.ended) return "libnftables exited unexpectedly";
  if (std::string text = reason(answer.text); !text.empty()) return text;
  return answer.left != 0 ? std::strerror(answer.left) : "no reason given";
}

bool says(std::string_view error, std::string_view text) {
  return error.find(text) != std::string_view::npos;
}

// Of messages that do not get through, not of what the kernel thinks of them.
constexpr std::array kLost{EINTR, ENOBUFS, ENOMEM, ENOSPC, EPERM, EACCES, EIO, EMSGSIZE};

bool is_lost(const Answer& answer) {
  return !answer.ended || std::any_of(kLost.begin(), kLost.end(),
                                      [&](int error) { return says(answer.text, std::strerror(error)); });
}

Loaded loaded(const Answer& answer) {
  if (answer.done) return {Loaded::How::taken, ""};
  const bool interrupted = !answer.ended || says(answer.text, std::strerror(EINTR)) || answer.left == EINTR;
  return {interrupted       ? Loaded::How::interrupted
          : is_lost(answer) ? Loaded::How::lost
                            : Loaded::How::refused,
          reason(answer)};
}

}  // namespace

std::optional<std::string> nft_list(const std::vector<std::string>& commands, Elements elements,
                                    std::chrono::milliseconds longest) {
  const auto end = std::chrono::steady_clock::now() + longest;
  Answer answer;
  for (int attempt = 1; attempt <= kTries && std::chrono::steady_clock::now() < end; ++attempt) {
    answer = ask(commands, elements, Keep::all, longest);
    if (answer.done) return std::move(answer.text);
    if (answer.ended && !answer.done && says(answer.text, "No such file or directory")) return std::nullopt;
  }
  if (!answer.ended && std::chrono::steady_clock::now() >= end)
    throw SystemError(fmt::format("cannot read nf_tables in {}: another program keeps changing it",
                                  to_string(Duration::milliseconds(longest.count()))));
  throw SystemError(fmt::format("the kernel refused to read nf_tables: {}", reason(answer)));
}

Loaded nft_load(const std::string& script) {
  return loaded(ask({script}, Elements::shown, Keep::all, kAnyTime));
}

EarlyLoad::EarlyLoad(const std::function<void()>& forget)
    : library_(libnftables()), process_(forget, [this](const std::string& path) {
        return written(
            run([&](nft_ctx* context) { return library_.run_cmd_from_filename(context, path.c_str()); },
                Elements::shown, Keep::all));
      }) {}

Loaded EarlyLoad::load(const std::string& script) {
  return loaded(heard([&] { return process_.answer(script, kAnyTime); }));
}

bool nft_takes(const std::string& script) {
  return ask({script}, Elements::shown, Keep::nothing, kAnyTime).done;
}

}  // namespace knockwork
