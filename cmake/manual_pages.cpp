// manual-pages SHARE DATE DESCRIPTION...: writes the manual pages and the completions of the tools whose
// command lines the files DESCRIPTION describe (TOOL help --format json) below SHARE, as they lie below
// share/ of an installation. It runs when the project is built, and knows nothing of what the tools do.
#include <filesystem>
#include <iostream>
#include <string>

#include "base/file.h"
#include "manual/command_line.h"
#include "manual/completion.h"
#include "manual/man_page.h"

namespace {

namespace fs = std::filesystem;

cg::Result<void> put(const fs::path& file, const std::string& text) {
  CG_CHECK(cg::make_directories(file.parent_path()));
  return cg::write_file_atomically(file, text);
}

cg::Result<void> write_pages(const fs::path& share, const std::string& date, const std::string& description) {
  CG_TRY(text, cg::read_file(description));
  CG_TRY(line, cg::manual::parse_command_line(text, description));
  const auto page = [&](const cg::manual::Part* command) {
    return put(share / "man" / "man1" / (cg::manual::page_name(line, command) + ".1"),
               cg::manual::man_page(line, command, date));
  };
  CG_CHECK(page(nullptr));
  for (const auto& command : line.commands) CG_CHECK(page(&command));
  CG_CHECK(put(share / "bash-completion" / "completions" / line.name, cg::manual::bash_completion(line)));
  CG_CHECK(put(share / "zsh" / "site-functions" / ("_" + line.name), cg::manual::zsh_completion(line)));
  return put(share / "fish" / "vendor_completions.d" / (line.name + ".fish"),
             cg::manual::fish_completion(line));
}

}  // namespace

int main(int count, char** words) {
  if (count < 4) {
    std::cerr << "manual-pages SHARE DATE DESCRIPTION...\n";
    return 2;
  }
  for (int i = 3; i < count; ++i)
    if (const auto written = write_pages(words[1], words[2], words[i]); !written) {
      std::cerr << "manual-pages: " << written.error().message << "\n";
      return 1;
    }
  return 0;
}
