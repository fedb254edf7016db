using Lavka.Contracts;
using Lavka.Inventory;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Inventory);
builder.AddAggregateStore();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.On<ProductCreated>(Topics.Catalog, StockProduct.Handle);
app.On<OrderCreated>(Topics.Orders, ReserveStock.Handle);
app.On<OrderPaid>(Topics.Orders, TakeStock.Handle);
app.On<OrderCancelled>(Topics.Orders, ReleaseStock.Handle);

app.Run();
