// Kernel configuration text: a .config, a fragment, or several fragments merged in order.
//
// The language is one assignment a line: `CONFIG_X=value`, or `# CONFIG_X is not set` for "n"; every other
// line that begins with '#' is a comment (Documentation/kbuild/kconfig.rst in the kernel tree). What is not
// quite that is read as the kernel's conf reads it (scripts/kconfig/confdata.c of Linux 6.12), and said: of
// y, n and m the first letter counts, whatever follows; what follows a text's closing quote is dropped; a
// number is one as a whole; every other line is dropped, also one that begins with a blank.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kconfig/name_table.h"

namespace cg {

// A value is kept as it is written: y, n, m, 42, 0x10 or "text" with its quotes. The views live as long as
// the configuration they come from, or a copy of it.
struct ConfigValue {
  std::string_view text;
  std::string_view file;
  std::size_t line = 0;  // from 1
  bool operator==(const ConfigValue&) const = default;
};

// Values by symbol, without "CONFIG_", in the order of their first mention.
class ConfigValues {
 public:
  using Item = std::pair<std::string_view, ConfigValue>;
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  const ConfigValue* find(std::string_view symbol) const;
  ConfigValue& operator[](std::string_view symbol);  // `symbol` outlives this
  void reserve(std::size_t count);
  std::vector<Item> sorted() const;  // by symbol

 private:
  std::vector<Item> items_;
  kconfig::NameTable index_;
};

// Somewhere two files, or two lines of one, disagree; the later one wins.
struct ConfigOverride {
  std::string symbol;
  ConfigValue earlier;
  ConfigValue later;
};

struct KernelConfig {
  ConfigValues values;
  std::vector<ConfigOverride> overrides;
  std::vector<std::string> warnings;  // "file:line: what"
  std::vector<std::string> dropped;   // likewise, the lines that conf does not take; the first ones
  std::string version;       // of the kernel, from the header "# Linux/x86 6.12.117 Kernel Configuration"
  std::string architecture;  // as in that header: "x86", "arm64", …; empty when there is none

  std::vector<std::shared_ptr<const std::string>> texts;  // what the views look at

  const ConfigValue* find(std::string_view symbol) const { return values.find(symbol); }
  // The value's text; "n" for a symbol that is not there.
  std::string_view value(std::string_view symbol) const;
};

// Refused, with "name:line", for text that is no configuration: NUL bytes, or more lines that conf drops than
// assignments.
Result<KernelConfig> parse_config(std::string text, const std::string& name);
// A configuration whose every line is a request: what conf would drop without effect is refused.
Result<KernelConfig> parse_request(std::string text, const std::string& name);
Result<KernelConfig> load_request(const std::filesystem::path& path);

// Lays `later` over `base`.
void merge_config(KernelConfig& base, const KernelConfig& later);

// A requested symbol whose value in the final configuration is another one.
struct Mismatch {
  std::string symbol;
  ConfigValue requested;
  std::string got;  // "n" when absent
};

// Every request of `requested` that `final_config` does not honour, in order of file and line. A requested
// "n" is honoured by absence; strings and numbers are compared as written, hexadecimal ones by value.
std::vector<Mismatch> unmet_requests(const KernelConfig& requested, const KernelConfig& final_config);

// The assignments as a fragment, sorted by symbol, that scripts/kconfig/conf reads through KCONFIG_ALLCONFIG.
std::string to_fragment(const KernelConfig& config);

}  // namespace cg
