// What takes long tells a person that it is alive: from the second second on a line that moves on a terminal,
// elsewhere a plain line every half minute. Nothing with -q.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>

#include "base/cli/command.h"

namespace cg {

class Watch {
 public:
  // `what`: "writing kata.img".
  Watch(std::string what, Context& context);
  Watch(std::string what, std::ostream* out, bool terminal);  // nullptr: nothing is said
  ~Watch();                                                   // the moving line is taken away
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void at(std::string step);          // what is being done of it: "layer 2 of 3"
  void say(const std::string& line);  // a line of its own, whatever moves

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cg
