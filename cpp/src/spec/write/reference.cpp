// The reference page: one paragraph of rules that hold for all values, then every
// key of the table.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "knockwork/spec.hpp"
#include "spec/keys.hpp"

namespace knockwork {
namespace spec {
namespace {

constexpr std::string_view kHead = R"(# The declaration, key by key

<!-- Generated from the table of keys: edit cpp/src/spec/keys.cpp. -->

A declaration is YAML: the main file, `/etc/knockwork/knockwork.yml`, and drop-ins next to it, `conf.d/*.yml`, each a list of
sequences. If anything is wrong, all errors are reported at once, with file, line and column, and nothing is applied.

```yaml
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
```

## Values

| value | how to write it |
| --- | --- |
| a knock | `7000/udp`, `7000/tcp`; `7000` alone means `7000/udp` |
| a service | `22/tcp`, `60000-61000/udp`, `all/tcp`: the protocol is mandatory |
| a protocol | by name, such as `gre`, `icmp` or `icmpv6/echo-request`, or by number, such as `proto/47` |
| a duration | `500ms`, `5s`, `1m30s`, `2h`, `1d`, `4w2d`: a multiple of 100 ms, at most 30 days, always with a unit |
| a network | `192.0.2.10`, `192.0.2.0/28`, `"2001:db8::/32"`: no host bits set |
| an interface | `eth0`, or `eth*` for all whose names begin with `eth`; in `interfaces` also `"!wg0"` for all but that |
| a number | decimal, without sign or leading zero |
| true or false | `true`, `false`, `yes`, `no`; not `on` or `True` |

Quotes make no difference. Anchors, aliases, tags and several documents in one file are errors; so are duplicate keys, unknown
keys and keys without a value.
)";

constexpr std::string_view kProfiles = R"(
# Profiles, key by key

A profile contains what `knockwork knock` and `knockwork connect` need to know about hosts. It is
`~/.config/knockwork/hosts.yml`, and only its owner may have access. `knockwork export` prints one from a declaration.

```yaml
knockwork: 1
hosts:
  - host: [web1, "web*.example"]
    sequences:
      - name: ssh
        knock: [7000/udp, 8000/udp, 9000/udp]
        opens: [22/tcp]
```

In a profile, a `derive` without `host` uses the host's name in the profile, and `secret_file` is a file on the client.
)";

std::string_view heading(Scope scope) {
  switch (scope) {
    case Scope::declaration:
      return "Top level of the main file";
    case Scope::public_entry:
      return "Keys of an entry of `public`";
    case Scope::sequence:
      return "Keys of a sequence";
    case Scope::derive:
      return "Keys of `derive`";
    case Scope::token:
      return "Keys of `token`";
    case Scope::profile:
      return "Top level of a profile";
    case Scope::host:
      return "Keys of a host in a profile";
  }
  return "";
}

std::string kind(const Key& key) {
  if (key.form == Form::choice) return fmt::format("`{}`", fmt::join(key.choices, "` or `"));
  if (key.form == Form::integer) return fmt::format("a number from {} to {}", key.least, key.most);
  return std::string(to_string(key.form));
}

std::string requirement(const Key& key) {
  if (!key.required) return "";
  std::string others;
  for (const std::string_view name : key.unless) {
    if (!name.empty()) others += fmt::format("{}`{}`", others.empty() ? "" : " or ", name);
  }
  return others.empty() ? "; required" : fmt::format("; required unless {} is present", others);
}

std::string section(const Key& key) {
  std::string text = fmt::format("\n### `{}`\n\n", key.name);
  text += kind(key) + requirement(key);
  if (key.secret) text += "; never in logs or diffs";
  text += key.fallback.empty() ? ".\n" : fmt::format(". Default: `{}`.\n", key.fallback);
  text += fmt::format("\n{}\n\n```yaml\n{}: {}\n```\n", key.doc, key.name, key.example);
  return text;
}

}  // namespace
}  // namespace spec

std::string reference_page() {
  std::string page(spec::kHead);
  for (spec::Scope scope : {spec::Scope::declaration, spec::Scope::public_entry, spec::Scope::sequence,
                            spec::Scope::derive, spec::Scope::token}) {
    page += fmt::format("\n## {}\n", spec::heading(scope));
    for (const spec::Key& key : spec::keys(scope)) page += spec::section(key);
  }
  page += spec::kProfiles;
  for (spec::Scope scope : {spec::Scope::profile, spec::Scope::host}) {
    page += fmt::format("\n## {}\n", spec::heading(scope));
    for (const spec::Key& key : spec::keys(scope)) page += spec::section(key);
  }
  return page;
}

}  // namespace knockwork
