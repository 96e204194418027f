// What a CRIU log says, read as a stream: logs of any size, with lines of any length and with anything
// between CRIU's own lines, in bounded memory.
//
// A line is "(SECONDS.MICROSECONDS) [PID: ]Error (criu/FILE.c:LINE): TEXT"; time and pid are there from -v3
// on, and debug and info lines have no level (criu/log.c). Other programs put their own words in front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace cg {

struct LogLine {
  std::size_t number = 0;  // from 1
  std::string where;       // "criu/mount.c:1093"; empty for a line that is no error or warning of CRIU
  std::string text;        // its beginning, without level and place
  std::string task;        // the pid in front of it, else that of the last "Dumping task (pid: …"
  std::string before;      // the last line above it that is neither error nor warning
};

struct CriuLog {
  std::uint64_t bytes = 0;
  std::size_t lines = 0;
  std::size_t criu_lines = 0;       // lines that only CRIU writes
  std::vector<LogLine> errors;      // the first ones
  std::deque<LogLine> last_errors;  // the last ones that are not among the first
  std::size_t error_count = 0;
  std::vector<LogLine> warnings;  // the first ones
  std::vector<LogLine> head;      // the first lines, whatever they are
  std::deque<LogLine> tail;       // the last lines that are not among the first
  std::string criu_version;       // "4.2", from "Version: 4.2 (gitid 0)"
  std::string kernel;             // from "Running on HOST Linux RELEASE ..."
  std::string machine;            // "x86_64", at the end of that line
  // What the last line that tells an end says: "Dumping finished successfully" and "Looks good." of `criu
  // check`; "Restoring FAILED".
  enum class End { open, success, failure } end = End::open;
  std::size_t end_at = 0;  // the number of that line

  bool empty() const { return bytes == 0; }
};

class LogReader {
 public:
  void feed(std::string_view bytes);
  CriuLog finish();

 private:
  void end_line();
  void read_line(std::string_view line);
  void add_to_error(std::string_view rest);

  CriuLog log_;
  std::string line_;  // the beginning of the line that is being read
  std::size_t line_bytes_ = 0;
  std::string task_, before_;  // of the next error
  bool behind_error_ = false;  // the line above is one
};

CriuLog read_criu_log(std::string_view bytes);

}  // namespace cg
