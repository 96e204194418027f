#include "learn/criu_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/digits.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

// struct option of <getopt.h> on a 64-bit machine: name, has_arg, flag, val.
constexpr std::uint64_t name_at = 0, argument_at = 8, flag_at = 16, value_at = 24, entry_size = 32;
constexpr std::size_t longest_name = 64, fewest_options = 20;

bool is_option_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-';
  });
}

struct Entry {
  std::string name;
  std::uint32_t argument = 0, value = 0;
};

std::vector<Entry> table_in(const ProgramImage& program, const ProgramImage::Section& section,
                            std::uint64_t skew) {
  std::vector<Entry> longest, run;
  for (std::uint64_t at = section.address + skew; at + entry_size <= section.address + section.size;
       at += entry_size) {
    const auto name = program.string_at(program.pointer_at(at + name_at), longest_name);
    const auto argument = program.number_at(at + argument_at);
    // `flag` is a variable, of which only the end of the program knows how large its section is.
    if (is_option_name(name) && argument <= 2) {
      run.push_back({std::string(name), argument, program.number_at(at + value_at)});
      continue;
    }
    if (run.size() > longest.size()) longest = run;
    run.clear();
  }
  return run.size() > longest.size() ? run : longest;
}

// has_arg of getopt_long(3).
ArgumentKind kind_of(std::uint32_t has_argument) {
  constexpr std::uint32_t required = 1, optional = 2;
  return has_argument == required   ? ArgumentKind::required
         : has_argument == optional ? ArgumentKind::optional
                                    : ArgumentKind::none;
}

char letter_of(std::uint32_t value) {
  const bool is_letter = (value >= 'a' && value <= 'z') || (value >= 'A' && value <= 'Z');
  return is_letter ? static_cast<char>(value) : 0;
}

std::vector<SourceText> texts_of(const ProgramImage& program) {
  std::vector<std::string_view> sections;
  for (const auto& section : program.sections())
    if (!section.executable) sections.push_back(program.bytes_of(section));
  return texts_in_program(sections);
}

}  // namespace

fs::path program_behind(const fs::path& criu) {
  std::error_code error;
  const fs::path beside = criu.string() + ".d/criu";
  return fs::is_regular_file(beside, error) ? beside : criu;
}

std::vector<LearnedOption> options_in_program(const ProgramImage& program) {
  std::vector<Entry> table;
  for (const auto& section : program.sections()) {
    if (section.executable) continue;
    for (std::uint64_t skew = 0; skew < entry_size; skew += 8)
      if (auto found = table_in(program, section, skew); found.size() > table.size())
        table = std::move(found);
  }
  if (table.size() < fewest_options) return {};
  const auto has = [&](const std::string& name) {
    return std::ranges::find(table, name, &Entry::name) != table.end();
  };
  std::vector<LearnedOption> options;
  for (const auto& entry : table) {
    if (entry.name.starts_with("no-") && has(entry.name.substr(3))) continue;
    options.push_back(
        {entry.name, letter_of(entry.value), kind_of(entry.argument), has("no-" + entry.name), {}});
  }
  return options;
}

Result<std::set<std::string>> parts_missing_in(const fs::path& criu) {
  CG_TRY(program, ProgramImage::read(program_behind(criu)));
  const auto texts = texts_of(program);
  if (texts.empty()) return refused(criu.string() + ": none of criu's texts is in it");
  return missing_parts(texts);
}

Result<CriuFacts> learn_from_program(const fs::path& path, const RunCriu& criu) {
  CriuFacts facts;
  CG_TRY(version, ask_version(criu, path.string()));
  facts.version = version;
  CG_TRY(program, ProgramImage::read(program_behind(path)));
  facts.options = options_in_program(program);
  if (facts.options.empty())
    return refused(path.string() + ": no table of options is in it; is it criu, or a script that starts it?");
  CG_TRY(help, criu({"--help"}));
  facts.features = features_in_help(help.text);
  facts.texts = texts_of(program);
  facts.without = missing_parts(facts.texts);
  return facts;
}

}  // namespace cg
