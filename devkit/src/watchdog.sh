# Keeps one server alive exactly as long as the process that started this script.
#
# usage: sh -c SCRIPT watchdog FOLDER FINAL_SIGNAL COMMAND ARGUMENT...
#
# Standard input is a pipe held by the owner. Each line is an order, each order is answered by one
# line. When the pipe closes, because the owner let go or died, the server is ended and its folder
# removed. `kill -0` also finds a child that has ended but was not waited for; the `sleep` before
# or after it makes the shell collect such children first.

folder=$1
final_signal=$2
shift 2
pid=
# Caught, not ignored, so that the server starts with the defaults. The owner may die before it has
# read an answer, hence PIPE; any of the others ends the loop below, which cleans up.
trap : HUP INT TERM PIPE

gone_soon() {
    tries=0
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -gt 500 ] && return 1
        sleep 0.01
    done
    wait "$pid" 2>/dev/null
    pid=
}

# Answers "ended" after the given signal was enough, "killed" when it was not.
end_with() {
    [ -z "$pid" ] && { answer=ended; return; }
    kill -s "$1" "$pid" 2>/dev/null
    if gone_soon; then answer=ended; return; fi
    kill -s KILL "$pid" 2>/dev/null
    gone_soon
    answer=killed
}

while read -r order argument; do
    case $order in
    start)
        "$@" </dev/null >>"$folder/server.log" 2>&1 &
        pid=$!
        echo "$pid"
        ;;
    alive)
        sleep 0
        if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then echo yes; else echo no; fi
        ;;
    end)
        end_with "$argument"
        echo "$answer"
        ;;
    esac
done

end_with "$final_signal"
# Children of the server may still be writing for a moment.
tries=0
while [ -e "$folder" ] && [ "$tries" -lt 100 ]; do
    rm -rf "$folder" 2>/dev/null
    tries=$((tries + 1))
    [ -e "$folder" ] && sleep 0.05
done
