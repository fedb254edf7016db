using Lavka.ServiceDefaults;

namespace Lavka.Orders;

/// <summary>A client's wish for an order's status. Only <c>cancelled</c> can be wished for: the rest follows from stock, payment and shipment.</summary>
public static class ChangeStatus
{
    public static async Task<Order> Handle(string orderId, string? status, Caller caller, AggregateStore store, Peers peers, TimeProvider time, CancellationToken stop)
    {
        var names = Enum.GetNames<OrderStatus>();
        if (!names.Contains(status, StringComparer.OrdinalIgnoreCase))
        {
            throw RequestException.Bad($"The status '{status}' is none; there are {string.Join(", ", names.Select(name => name.ToLowerInvariant()))}.");
        }

        var wanted = Enum.Parse<OrderStatus>(status!, ignoreCase: true);
        var order = await store.Find<Order>(Order.KeyOf(orderId), stop);
        return order is null || !caller.MayAct(order.UserId) ? throw RequestException.NotFound($"There is no order '{orderId}'.")
            : order.Status == wanted ? order
            : wanted == OrderStatus.Cancelled ? await CancelOrder.Handle(orderId, caller.Role == Roles.Operator ? "An operator cancelled it." : "The customer cancelled it.", store, peers, time, stop)
            : throw NotLawful(order, wanted, order.Lawful);
    }

    /// <summary>409: the order cannot become this; says what it can.</summary>
    public static RequestException NotLawful(Order order, OrderStatus wanted, IReadOnlyList<OrderStatus> lawful)
    {
        var allowed = lawful.Select(status => status.ToName()).ToList();
        var error = RequestException.Conflict($"Order '{order.OrderId}' is {order.Status.ToName()} and cannot be made {wanted.ToName()}; allowed: {(allowed.Count == 0 ? "nothing" : string.Join(", ", allowed))}.");
        error.Extensions["allowed"] = allowed;
        return error;
    }
}
