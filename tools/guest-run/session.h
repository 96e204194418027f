// Carries a conversation between this process's streams and a running VM until its end, whichever end it is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conversation.h"
#include "qemu.h"

namespace cg {

struct Limits {
  double boot_seconds = 300;            // until the command starts
  std::optional<double> total_seconds;  // --timeout
};

// Standard input for the command: a descriptor, or (without one) a text.
struct Input {
  int fd = -1;
  std::string text;
};

struct Moment {
  std::string what;
  double seconds = 0;  // since QEMU was started
};

enum class Ending {
  complete,     // the conversation is finished
  failed,       // `message` says how
  timed_out,    // --timeout; `message` says what was under way
  interrupted,  // by `signal`, sent to guest-run
};

struct SessionResult {
  Ending ending = Ending::complete;
  std::string message;
  int signal = 0;
  std::vector<Moment> moments;
  double seconds = 0;
};

// `signals` is a signalfd of those that end the run. `console_copy`, when not negative, gets all that the
// console says.
SessionResult run_session(Vm& vm, Conversation& conversation, const Limits& limits, Input input, int signals,
                          int console_copy);

}  // namespace cg
