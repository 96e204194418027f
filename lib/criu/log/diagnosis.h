// What a CRIU log proves, in this order:
//
// 1. Its end decides whether anything failed. Behind "Dumping finished successfully" nothing did, whatever
//    errors stand above: probes at start-up, and parts that a dump can do without, are told as errors too.
// 2. The first error that is neither noise nor a mere consequence ("Dumping FAILED") is the one to explain.
//    What follows it are its callers, clean-up and other tasks that notice; it explains nothing.
//    Only the error directly behind it may say more than an error that no row, or only a family, knows: that
//    is its caller, which names the step ("Can't open a file", "Can't dump tmpfs content").
// 3. Warnings and debug lines support an error that belongs to them (`with` in the data), and stand for one
//    only where the log has none but consequences. They never stand in for an error that is not known.
// 4. Words of the program that ran criu count where CRIU's own are missing.
#pragma once

#include <optional>
#include <vector>

#include "criu/log/knowledge.h"
#include "criu/log/log.h"

namespace cg {

struct Diagnosis {
  enum class Proof {
    nothing_failed,  // the log ends with success
    cause,           // proven by the log
    guess,           // likely; the log allows others
    hint,            // a kind of failure, or where to look further
    unknown,         // an error that is not known
    end_only,        // the log says that criu failed, not why
    open,            // it says neither that it failed nor that it succeeded
  };
  Proof proof = Proof::open;
  std::optional<Recognized> answer;  // for cause, guess, hint and unknown
  std::optional<Recognized> before;  // the unexplained error that came first, where `answer` is a later one
  bool breaks_off = false;           // `answer` is the line that the log ends with, though none says why
  std::vector<Recognized> others;    // further errors, neither noise nor mere consequences
  std::size_t noise = 0;             // errors that change nothing
};

Diagnosis diagnose(const Knowledge& knowledge, const CriuLog& log);

}  // namespace cg
