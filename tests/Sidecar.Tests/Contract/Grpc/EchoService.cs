using System.Text.Json;
using Google.Protobuf;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;
using Playground.Echo.V1;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>The app's own service, as echo.proto tells it.</summary>
internal static class EchoService
{
    private const string Name = "playground.echo.v1.Echo";

    private static readonly Metadata Headers = new() { { "x-echo-header", "yes" } };

    private static readonly JsonElement TooEarly = JsonDocument.Parse("""
        {
          "code": "FAILED_PRECONDITION", "message": "not now",
          "details": [
            { "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "TOO_EARLY", "domain": "echo.test", "metadata": { "k": "v" } },
            { "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{ "field": "text", "description": "is wrong" }] }
          ]
        }
        """).RootElement;

    public static void AddTo(ServiceMethodProviderContext<GrpcScriptedApp> context)
    {
        context.AddUnaryMethod(Method("Unary", MethodType.Unary), [], async (app, ping, call) =>
        {
            Receive(app, call, ping);
            await Begin(call);
            return new() { Text = ping.Text, N = 1 };
        });
        context.AddServerStreamingMethod(Method("ServerStream", MethodType.ServerStreaming), [], async (app, ping, answers, call) =>
        {
            Receive(app, call, ping);
            await call.WriteResponseHeadersAsync(Headers);
            for (var n = 1; n <= ping.Count; n++)
            {
                await answers.WriteAsync(new() { Text = ping.Text, N = n });
            }

            End(call, ping);
        });
        context.AddClientStreamingMethod(Method("ClientStream", MethodType.ClientStreaming), [], async (app, pings, call) =>
        {
            var received = Receive(app, call);
            await Begin(call);
            var texts = new List<string>();
            await foreach (var ping in pings.ReadAllAsync())
            {
                received.Add(Proto.Print(ping));
                texts.Add(ping.Text);
            }

            return new() { Text = string.Join(',', texts), N = texts.Count };
        });
        context.AddDuplexStreamingMethod(Method("Bidi", MethodType.DuplexStreaming), [], async (app, pings, answers, call) =>
        {
            var received = Receive(app, call);
            await call.WriteResponseHeadersAsync(Headers);
            var n = 0;
            await foreach (var ping in pings.ReadAllAsync())
            {
                received.Add(Proto.Print(ping));
                if (ping.Text == "abort")
                {
                    End(call, ping);
                }

                await answers.WriteAsync(new() { Text = ping.Text, N = ++n });
            }

            End(call);
        });
        context.AddUnaryMethod(Method("FailsWithDetails", MethodType.Unary), [], (app, ping, call) =>
        {
            Receive(app, call, ping);
            throw GrpcScriptedApp.Error(TooEarly, new() { { "x-echo-trailer", "failed" } });
        });
        context.AddUnaryMethod(Method("Deadline", MethodType.Unary), [], async (app, ping, call) =>
        {
            Receive(app, call, ping);
            await Task.Delay(ping.Count);
            return new() { Text = ping.Text };
        });
    }

    private static Method<Ping, Pong> Method(string name, MethodType type) => new(type, Name, name,
        Marshallers.Create(ping => ping.ToByteArray(), Ping.Parser.ParseFrom), Marshallers.Create(pong => pong.ToByteArray(), Pong.Parser.ParseFrom));

    private static GrpcReceived Receive(GrpcScriptedApp app, ServerCallContext call, Ping? ping = null)
    {
        var received = app.Receive(call.Method.TrimStart('/'), true, call);
        if (ping is not null)
        {
            received.Add(Proto.Print(ping));
        }

        app.Log.Enqueue(received);
        return received;
    }

    private static Task Begin(ServerCallContext call)
    {
        End(call);
        return call.WriteResponseHeadersAsync(Headers);
    }

    private static void End(ServerCallContext call, Ping? last = null)
    {
        if (last?.Text == "abort")
        {
            throw new RpcException(new(StatusCode.Aborted, "stopped"));
        }

        call.ResponseTrailers.Add("x-echo-trailer", "bye");
    }
}
