#include <fmt/format.h>

#include "describe.hpp"
#include "help.hpp"
#include "knockwork/knockwork.hpp"

namespace {

constexpr const char* kEnd = R"(.SH EXIT STATUS
.TP
.B 0
Done, or nothing to do.
.TP
.B 1
An error. Standard error says what is wrong, where, and what to do. \fBimport knockd \-\-check\fR: knockd and the
imported gate differ.
.TP
.B 2
With \fB\-\-detailed\-exitcode\fR. \fBplan\fR: an apply would change something. \fBdrift\fR: the table has changed since
the last apply.
.TP
.B 3
\fBstatus\fR: a declaration exists, but no gate is loaded. \fBknock\fR and \fBconnect\fR: the host answered, and the
service is closed.
.TP
.B 4
\fBknock\fR and \fBconnect\fR: no answer, no route, or no such host.
.SH FILES
.TP
.I /etc/knockwork/knockwork.yml
The declaration. It contains the knocks, so its mode is 0600.
.TP
.I /etc/knockwork/conf.d/*.yml
Drop\-ins, each a list of sequences.
.TP
.I /var/lib/knockwork
State that survives a reboot.
.TP
.I /run/knockwork
Locks, and the apply that waits for confirmation.
.TP
.I ~/.config/knockwork/hosts.yml
The profile: how to knock on other hosts, as \fBknockwork export\fR prints it.
.SH SEE ALSO
.BR nft (8),
.BR ssh_config (5)
)";

// Plain text as man(7) wants it; what stands in backticks becomes bold.
std::string roff(std::string_view text) {
  std::string result;
  bool bold = false;
  for (const char byte : text) {
    switch (byte) {
      case '\\':
        result += "\\e";
        break;
      case '-':
        result += "\\-";
        break;
      case '\'':
        result += "\\(aq";
        break;
      case '~':
        result += "\\(ti";
        break;
      case '`':
        result += bold ? "\\fR" : "\\fB";
        bold = !bold;
        break;
      default:
        result += byte;
    }
  }
  return result.starts_with('.') ? "\\&" + result : result;
}

std::string sentence(const std::string& text) { return text.ends_with('.') ? text : text + '.'; }

std::string synopsis(const std::string& path, const CLI::App& command) {
  std::string line = path;
  if (!shown_options(command).empty()) line += " [OPTIONS]";
  for (const CLI::Option* argument : shown_arguments(command)) {
    const std::string name =
        argument->get_name(true) + (argument->get_items_expected_max() > 1 ? " ..." : "");
    line += argument->get_required() ? ' ' + name : " [" + name + ']';
  }
  return line;
}

std::string entry(const std::string& head, const CLI::Option& option) {
  const std::string standard =
      option.get_default_str().empty() ? "" : fmt::format("; default: {}", option.get_default_str());
  return fmt::format(".TP\n{}\n{}\n", head, roff(option.get_description() + standard + '.'));
}

std::string entries(const CLI::App& command) {
  std::string text;
  for (const CLI::Option* argument : shown_arguments(command)) {
    text += entry("\\fI" + roff(argument->get_name(true)) + "\\fR", *argument);
  }
  for (const CLI::Option* option : shown_options(command)) {
    if (option->check_lname("help")) continue;
    const std::string value = takes_value(*option) ? " \\fIVALUE\\fR" : "";
    text += entry("\\fB" + roff(spelling(*option, ", ")) + "\\fR" + value, *option);
  }
  return text;
}

std::string sections(const std::string& path, const CLI::App& app) {
  std::string text;
  for (const CLI::App* command : shown_commands(app)) {
    const std::string here = path + ' ' + command->get_name();
    text += fmt::format(".SS {}\n{}\n", roff(synopsis(here, *command)),
                        roff(sentence(command->get_description())));
    text += entries(*command) + sections(here, *command);
    if (const auto example = example_of(here.substr(here.find(' ') + 1)); !example.empty())
      text += fmt::format(".PP\nExample:\n.PP\n.RS\n.nf\n{}\n.fi\n.RE\n", roff(example));
  }
  return text;
}

}  // namespace

std::string manual_page(const CLI::App& app) {
  return fmt::format(
      ".TH KNOCKWORK 1 \"\" \"knockwork {}\" \"knockwork\"\n"
      ".SH NAME\nknockwork \\- declarative port knocking for nftables\n"
      ".SH SYNOPSIS\n.B knockwork\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
      ".SH DESCRIPTION\n{}\nIf a client sends packets to the right closed ports in the right order, a "
      "service opens for its address for a limited time.\n"
      ".PP\nEvery command accepts the options \\fB\\-h\\fR and \\fB\\-\\-help\\fR.\n"
      ".SH COMMANDS\n{}{}",
      roff(knockwork::version()), roff(app.get_description()), sections("knockwork", app), kEnd);
}
