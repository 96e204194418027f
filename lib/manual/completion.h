// What makes a shell complete a tool's words: commands, options, and the names that values may be. Each text
// is a whole file as the shell looks for it, and needs nothing beside the shell itself.
#pragma once

#include <string>
#include <vector>

#include "manual/command_line.h"

namespace cg::manual {

std::string bash_completion(const CommandLine& line);  // bash-completion/completions/NAME
std::string zsh_completion(const CommandLine& line);   // zsh/site-functions/_NAME
std::string fish_completion(const CommandLine& line);  // fish/vendor_completions.d/NAME.fish

// The lists of names that the words of a command line may be, each of them once.
class NameLists {
 public:
  explicit NameLists(const CommandLine& line);
  std::size_t number_of(const Word& word) const;  // its place in all()
  const std::vector<std::vector<Entry>>& all() const { return lists_; }

 private:
  void add(const std::vector<Word>& words);
  std::vector<std::vector<Entry>> lists_;
};

// A text as one word of a shell: 'it'\''s'.
std::string shell_quoted(std::string_view text);
// A name as part of a function's.
std::string identifier(std::string name);

}  // namespace cg::manual
