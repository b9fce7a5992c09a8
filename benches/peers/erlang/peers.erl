%% The programs of benches/peers/moonlet as Erlang processes: erl … -run peers main <program> <argument>…
-module(peers).
-export([main/1]).

main([Program | Args]) ->
    {_, Ref} = spawn_monitor(fun() -> measure(list_to_atom(Program), [list_to_integer(A) || A <- Args]) end),
    receive
        {'DOWN', Ref, _, _, normal} -> halt(0);
        {'DOWN', Ref, _, _, _} -> halt(1)
    end.

clock() -> erlang:monotonic_time(nanosecond).

took(Start) -> print("took", [clock() - Start]).

%% Whole nanoseconds, printed in seconds.
print(What, Values) ->
    io:format("~s ~s~n", [What, lists:join(" ", [io_lib:format("~.9f", [V / 1.0e9]) || V <- Values])]).

times(0, _) -> ok;
times(N, Do) -> Do(), times(N - 1, Do).

measure(spawn, [N]) ->
    Start = clock(),
    times(N, fun() -> spawn_monitor(fun() -> ok end) end),
    times(N, fun() -> receive {'DOWN', _, _, _, _} -> ok end end),
    took(Start);

measure(idle, [N]) ->
    timer:sleep(500),
    io:format("mark empty~n"),
    timer:sleep(500),
    Waiting = [spawn(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, N)],
    timer:sleep(1000),
    lists:foreach(fun erlang:garbage_collect/1, Waiting),
    timer:sleep(2000),
    io:format("mark full~n"),
    timer:sleep(500);

measure(ping_pong, [N]) ->
    Echo = spawn_link(fun echo/0),
    Start = clock(),
    ping(Echo, N),
    took(Start);

measure(ring, [Size, Hops]) ->
    Successor = lists:foldl(fun(_, Next) -> spawn(fun() -> node_of_ring(Next) end) end, self(), lists:seq(2, Size)),
    Start = clock(),
    turns(Successor, Hops),
    took(Start);

measure(fan_in, [Senders, N]) ->
    Me = self(),
    Start = clock(),
    times(Senders, fun() -> spawn_link(fun() -> numbers(Me, N) end) end),
    times(Senders * N, fun() -> receive {number, _} -> ok end end),
    took(Start);

measure(pairs, [N, Rounds]) ->
    Me = self(),
    Start = clock(),
    times(N, fun() ->
        spawn_link(fun() ->
            Echo = spawn_link(fun echo/0),
            ping(Echo, Rounds),
            unlink(Echo),
            exit(Echo, kill),
            Me ! done
        end)
    end),
    times(N, fun() -> receive done -> ok end end),
    took(Start);

measure(tree, [Leaves]) ->
    Me = self(),
    Start = clock(),
    spawn(fun() -> node_of_tree(Me, 0, Leaves) end),
    Sum = receive {sum, S} -> S end,
    Sum = Leaves * (Leaves - 1) div 2,
    took(Start);

measure(sleepers, [N]) ->
    Me = self(),
    times(N, fun() -> Ms = rand:uniform(1000), spawn(fun() -> Me ! {late, late(Ms)} end) end),
    print("late", [receive {late, L} -> L end || _ <- lists:seq(1, N)]);

measure(timers, [N]) ->
    Start = clock(),
    times(N, fun() -> erlang:cancel_timer(erlang:send_after(60000, self(), late)) end),
    took(Start);

measure(beside_hogs, [Hogs, N]) ->
    Computing = [spawn(fun hog/0) || _ <- lists:seq(1, Hogs)],
    timer:sleep(100),
    Late = [late(1) || _ <- lists:seq(1, N)],
    [exit(Hog, kill) || Hog <- Computing],
    print("late", Late);

measure(nested, [N]) ->
    Me = self(),
    Start = clock(),
    spawn_link(fun() -> Table = table_of_tables(), times(N, fun() -> Me ! {table, Table} end) end),
    times(N, fun() ->
        receive {table, #{<<"group7">> := #{<<"entry3">> := 21}}} -> ok end
    end),
    took(Start);

measure(start, []) ->
    io:format("ready~n"),
    timer:sleep(60000);

measure(fib, [N]) ->
    Start = clock(),
    fib(N),
    took(Start).

echo() -> receive {ping, From, N} -> From ! {pong, N}, echo() end.

ping(_, 0) -> ok;
ping(Echo, N) ->
    Echo ! {ping, self(), N},
    receive {pong, N} -> ping(Echo, N - 1) end.

node_of_ring(Successor) -> receive {token, Left} -> Successor ! {token, Left - 1}, node_of_ring(Successor) end.

%% The node that measures. A token that has less than nothing left is late and stops here.
turns(Successor, Left) when Left > 0 ->
    Successor ! {token, Left - 1},
    receive {token, Now} -> turns(Successor, Now) end;
turns(_, _) -> ok.

numbers(_, 0) -> ok;
numbers(Receiver, N) -> Receiver ! {number, N}, numbers(Receiver, N - 1).

node_of_tree(Parent, First, 1) -> Parent ! {sum, First};
node_of_tree(Parent, First, Leaves) ->
    Me = self(),
    Share = Leaves div 10,
    [spawn(fun() -> node_of_tree(Me, First + I * Share, Share) end) || I <- lists:seq(0, 9)],
    Parent ! {sum, lists:sum([receive {sum, S} -> S end || _ <- lists:seq(1, 10)])}.

%% Sleeps, and tells how much longer that took, in nanoseconds.
late(Ms) ->
    Start = clock(),
    receive after Ms -> ok end,
    clock() - Start - Ms * 1000000.

hog() -> hog().

%% Made at run time, as literals are not copied.
table_of_tables() ->
    Key = fun(Text, I) -> <<Text/binary, (integer_to_binary(I))/binary>> end,
    Group = fun(I) -> maps:from_list([{Key(<<"entry">>, J), I * J} || J <- lists:seq(1, 10)]) end,
    maps:from_list([{Key(<<"group">>, I), Group(I)} || I <- lists:seq(1, 10)]).

fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).
